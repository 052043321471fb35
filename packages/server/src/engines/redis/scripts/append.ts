import { bucketCount } from "../keys.js";
import { script } from "./script.js";

/** Arguments before the entries. */
export const appendOptionCount = 6;

/**
 * Append a group of entries to one room: what of them is new gets the next offsets, all of it or nothing. Without entries
 * the room is only trimmed.
 *
 *     KEYS  log, meta, ids:0, ids:1, ids:2, channel
 *     ARGV  an epoch, should the room need one; maxMessages, maxBytes, maxAgeMs (0: no bound); the dedupe window in
 *           milliseconds; what to add to this server's time, for tests; then for each entry its body, its sentAtMs and
 *           the digest of its dedupe key, or nothing
 *     reply { epoch, top before, index of a duplicate, id of its first message, ... }
 *
 * Redis refuses it whole when memory is full, since it does not allow itself more (`#!lua` without `allow-oom`).
 * Numbers are written by %.0f: Lua's own form of a number is short of digits from 10^14 on.
 */
export const appendScript = script(`#!lua
local log, meta, channel = KEYS[1], KEYS[2], KEYS[6]
local maxMessages, maxBytes, maxAgeMs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local windowMs, skewMs = tonumber(ARGV[5]), tonumber(ARGV[6])
local first, count = ${appendOptionCount + 1}, (#ARGV - ${appendOptionCount}) / 3
local call = redis.call

local function text(number)
  return string.format('%.0f', number)
end

local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + skewMs

local known = call('HMGET', meta, 'epoch', 'top', 'oldest', 'swept', 'bytes')
local epoch = known[1]
local top, oldest, swept, bytes
if epoch then
  top, oldest, swept, bytes = tonumber(known[2]), tonumber(known[3]), tonumber(known[4]), tonumber(known[5])
else
  if count == 0 then return { ARGV[1], 0 } end
  -- Nobody wrote yet, or the record is lost: what it described then is another log, of which no position is good.
  call('UNLINK', log, KEYS[3], KEYS[4], KEYS[5])
  epoch, top, oldest, swept, bytes = ARGV[1], 0, 1, 1, 0
end
local topBefore = top
local reply = { epoch, topBefore }

-- Ids that the senders chose, in this window's bucket and in the one before. A bucket says in '#' which window it is of:
-- the same key is used again three windows later, and may not have expired yet.
local digests = { '#' }
for at = first + 2, #ARGV, 3 do
  if ARGV[at] ~= '' then digests[#digests + 1] = ARGV[at] end
end
local seen = {}
local bucket, isNewBucket
if #digests > 1 then
  local window = math.floor(nowMs / windowMs)
  bucket = KEYS[3 + window % ${bucketCount}]
  local found = call('HMGET', bucket, unpack(digests))
  if found[1] == text(window) then
    for i = 2, #digests do if found[i] then seen[digests[i]] = found[i] end end
  else
    isNewBucket = text(window)
    if found[1] then call('UNLINK', bucket) end
  end
  found = call('HMGET', KEYS[3 + (window - 1) % ${bucketCount}], unpack(digests))
  if found[1] == text(window - 1) then
    for i = 2, #digests do if found[i] then seen[digests[i]] = seen[digests[i]] or found[i] end end
  end
end

local message, fresh = {}, {}
for index = 0, count - 1 do
  local at = first + index * 3
  local body, digest = ARGV[at], ARGV[at + 2]
  local firstId = digest ~= '' and seen[digest]
  if firstId then
    reply[#reply + 1] = index
    reply[#reply + 1] = firstId
  else
    top = top + 1
    local id = text(top) .. '-' .. ARGV[at + 1]
    if top == topBefore + 1 then
      -- Only the first can fail: the stream was removed behind the record, or holds more than the record knows.
      local added
      if topBefore > 0 then added = redis.pcall('XADD', log, 'NOMKSTREAM', id, 'b', body)
      else added = redis.pcall('XADD', log, id, 'b', body) end
      if type(added) == 'table' then
        if not string.find(added.err, 'equal or smaller', 1, true) then return added end
        call('UNLINK', log, KEYS[3], KEYS[4], KEYS[5])
        epoch, reply[1] = ARGV[1], ARGV[1]
        added = false
      end
      if not added then
        call('XADD', log, id, 'b', body)
        oldest, swept, bytes = top, top, 0
      end
    else
      call('XADD', log, id, 'b', body)
    end
    bytes = bytes + #body
    message[#message + 1] = struct.pack('>I4', #body)
    message[#message + 1] = body
    if digest ~= '' then
      seen[digest] = id
      fresh[#fresh + 1] = digest
      fresh[#fresh + 1] = id
    end
  end
end
-- Without entries it is a sweep: only what has passed its bounds is looked at.
if top == topBefore and count > 0 or top == 0 then return reply end

if bucket then
  if isNewBucket then
    fresh[#fresh + 1] = '#'
    fresh[#fresh + 1] = isNewBucket
  end
  if #fresh > 0 then call('HSET', bucket, unpack(fresh)) end
  -- Nobody asks for it after the window that follows its own.
  if isNewBucket then call('PEXPIRE', bucket, text((tonumber(isNewBucket) + 2) * windowMs - nowMs)) end
end

-- Retention. What goes by count is known without a look; its bytes are taken off the account some at a time ("swept"),
-- two for each new entry and some more, so that a bound that was lowered is worked off without a pause.
if maxMessages > 0 and top - oldest + 1 > maxMessages then oldest = top - maxMessages + 1 end
local budget = 512 + 2 * (top - topBefore)
local isOverdue = maxBytes > 0 and bytes > maxBytes or maxAgeMs > 0
local sweptBefore = swept
while budget > 0 and (isOverdue or oldest - swept >= 64) do
  local upTo = isOverdue and top - 1 or oldest - 1
  if swept > upTo then break end
  local entries = call('XRANGE', log, text(swept), text(upTo), 'COUNT', math.min(budget, isOverdue and 32 or 256))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local dash = string.find(entry[1], '-', 1, true)
    local offset = tonumber(string.sub(entry[1], 1, dash - 1))
    if offset >= oldest then
      local isOld = maxAgeMs > 0 and tonumber(string.sub(entry[1], dash + 1)) + maxAgeMs <= nowMs
      if not isOld and not (maxBytes > 0 and bytes > maxBytes) then
        isOverdue = false
        break
      end
      oldest = offset + 1
    end
    bytes = bytes - #entry[2][2]
    swept = offset + 1
  end
  budget = budget - #entries
end
if swept > sweptBefore then call('XTRIM', log, 'MINID', '~', text(swept)) end

call('HSET', meta, 'epoch', epoch, 'top', text(top), 'oldest', text(oldest), 'swept', text(swept), 'bytes', text(bytes))
if top == topBefore then return reply end
if topBefore == 0 then call('PERSIST', meta) end
local head = struct.pack('>BI4dI4', 1, tonumber(epoch), topBefore + 1, top - topBefore)
call('SPUBLISH', channel, head .. table.concat(message))
return reply
`);
