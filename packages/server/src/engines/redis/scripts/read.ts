import { blockDigestLua, roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * What a room holds, and the blocks of a page of it.
 *
 *     KEYS  log, meta
 *     ARGV  'forward' or 'backward'; the first offset of the page (forward) or the last; maxEntries; maxBytes
 *     reply { epoch, oldest, top, digest, earlier epochs, last offset of a block, how many it has, block, ... }, or {} for
 *           a room without a record; digest: of the newest block, where no page is asked for
 *
 * The blocks cover the page and may hold more than it at both ends. Backward, they come the newest first. It writes nothing,
 * so that it works while memory is full.
 */
export const readScript = script(`#!lua flags=no-writes
${roomRecordLua}${blockDigestLua}
local log = KEYS[1]
local at, maxEntries, maxBytes = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local record = redis.call('GET', KEYS[2])
if not record then return {} end
local refusal = refusalOf(record, KEYS[2])
if refusal then return refusal end
local epoch, top, oldest = struct.unpack(recordForm, record)
local reply = { epoch, oldest, top, '', string.sub(record, recordBytes + 1) }
-- The stream may have been removed without its record; then nothing of it can be read.
local newest = top > 0 and redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if top > 0 and not newest then
  oldest = top + 1
  reply[2] = oldest
end
if maxEntries == 0 then
  if newest then reply[4] = digestOf(newest[2][2]) end
  return reply
end

local entries, bytes = 0, 0
local function take(entry)
  local last, count = tonumber(string.match(entry[1], '^%d+')), tonumber(entry[2][1])
  reply[#reply + 1] = last
  reply[#reply + 1] = count
  reply[#reply + 1] = entry[2][2]
  -- Of the first block perhaps not all are in the page: then it is the one that has to be counted with care.
  entries = entries + math.min(count, ARGV[1] == 'forward' and last - at + 1 or at - (last - count))
  bytes = bytes + #entry[2][2] - 4 * count
  return last, last - count
end

if ARGV[1] == 'forward' then
  at = math.max(at, oldest)
  -- A few more each time, since how large they are is not known.
  local blocks = 1
  while at <= top and entries < maxEntries and bytes < maxBytes do
    local found = redis.call('XRANGE', log, text(at), '+', 'COUNT', blocks)
    if #found == 0 then break end
    for _, entry in ipairs(found) do
      at = take(entry) + 1
      if entries >= maxEntries or bytes >= maxBytes then break end
    end
    blocks = math.min(blocks * 2, 64)
  end
else
  at = math.min(at, top)
  local found = at >= oldest and redis.call('XRANGE', log, text(at), '+', 'COUNT', 1) or {}
  local blocks = 1
  while #found > 0 do
    for _, entry in ipairs(found) do
      local _, before = take(entry)
      at = before
      if entries >= maxEntries or bytes >= maxBytes then break end
    end
    if at < oldest or entries >= maxEntries or bytes >= maxBytes then break end
    found = redis.call('XREVRANGE', log, text(at), text(oldest), 'COUNT', blocks)
    blocks = math.min(blocks * 2, 64)
  end
end
return reply
`);
