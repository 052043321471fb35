import { changeCountsLua } from "./change-counts.js";
import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Append a group of messages to one room, as one block: what of them is new gets the next offsets, all of it or nothing.
 * Without messages the room is only trimmed.
 *
 *     KEYS  log, meta, ids:0, ids:1, channel, marks
 *     ARGV  1 an epoch, should the room need one; 2 maxMessages, 3 maxBytes, 4 maxAgeMs (0: no bound); 5 the dedupe window
 *           in milliseconds; 6 what to add to this server's time, for tests; 7 when the last of the messages was sent;
 *           8 how many there are; 9 the block; 10 what the node takes for the time, in milliseconds: ages are told by it
 *           or by this server's time, whichever is earlier; 11 `1` if the room must exist: nothing is done then where it does
 *           not exist; 12 the position that the room must be at, or nothing; 13 how many of them are changes of messages, and of those that are about another message the
 *           epoch and the greatest offset of that: nothing is done where the room does not have it; then,
 *           if one of them has a dedupe key, for each the digest of the key
 *           (16 bytes) and when it was sent (f64, big-endian), or nothing
 *     reply { epoch, top before, index of a duplicate, offset (f64) and sentAtMs (f64) of the first one, ... }; without
 *           messages { epoch, top, 1 if all messages of the room are past maxAgeMs, or there is no room }; epoch 0: no room;
 *           epoch -1: the room is at another position; -2: it does not have what a message is about
 *
 * The id of an entry in the stream is the last offset of the block and when that was sent; the field is how many messages
 * the block has. Redis refuses the script whole when memory is full (`#!lua` without `allow-oom`).
 */
export const appendScript = script(`#!lua
local call = redis.call
${roomRecordLua}${changeCountsLua}
local marks = KEYS[6]
local log, meta, count, block = KEYS[1], KEYS[2], tonumber(ARGV[8]), ARGV[9]
local maxMessages, maxBytes, maxAgeMs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local epoch, top, oldest, swept, bytes
local own, lineage = '', ''
local newChanges, aboutEpoch, aboutOffset = string.match(ARGV[13], '^(%d+) ?(%d*) ?(%d*)$')
newChanges = tonumber(newChanges)
local record = call('GET', meta)
local refusal = record and refusalOf(record, meta)
if refusal then return refusal end
if record then
  epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
  local ownMessages, ownAgeMs, ownBytes
  own, ownMessages, ownAgeMs, ownBytes = ownBoundsIn(record)
  maxMessages, maxBytes = narrower(ownMessages, maxMessages), narrower(ownBytes, maxBytes)
  maxAgeMs = narrower(ownAgeMs, maxAgeMs)
  lineage = string.sub(record, recordBytes + 1)
  if aboutEpoch ~= '' then
    local _, isThere = offsetHere(tonumber(aboutEpoch), tonumber(aboutOffset), epoch, lineage)
    if not isThere then return { -2 } end
  end
elseif count == 0 or ARGV[11] ~= '' then
  return { 0, 0, 1 }
elseif aboutEpoch ~= '' then
  return { -2 }
else
  -- No client wrote yet, or the record is lost: what it described then is another log, of which no position is good.
  -- One by one: while the slot moves, the other master refuses a command that names a key which does not exist.
  for _, key in ipairs({ log, KEYS[3], KEYS[4], marks }) do call('UNLINK', key) end
  epoch, top, oldest, swept, bytes = tonumber(ARGV[1]), 0, 1, 1, 0
end
-- A room that was looked at and has no message yet.
if top == 0 and ARGV[11] ~= '' then return { 0, 0, 1 } end
local nowMs = 0
if maxAgeMs > 0 or #ARGV > 13 then
  local time = call('TIME')
  nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[6])
end

local topBefore = top
local reply = { epoch, topBefore }

-- Keys that the senders chose, in two buckets that take turns: the next one begins when the current one is a window old. A
-- bucket says in '#' its number, when it began and when its keys have expired, so that neither a clock that goes back nor
-- another window (of another node, or of this one since its last start) takes it for another one.
local bucket, isNewBucket, number, startMs, untilMs
local windowMs = tonumber(ARGV[5])
local fresh = {}
local function headOf(found)
  local one, two, three = string.match(found[1] or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(one or 0), tonumber(two or 0), tonumber(three or 0)
end
if #ARGV > 13 then
  local sub, pack = string.sub, struct.pack
  local digests, sent, keyed = { '#' }, {}, 1
  for index = 1, count do
    local arg = ARGV[13 + index]
    if arg ~= '' then
      keyed = keyed + 1
      digests[keyed] = sub(arg, 1, 16)
      sent[keyed] = index
    end
  end
  local now = call('HMGET', KEYS[3], unpack(digests))
  local before = call('HMGET', KEYS[4], unpack(digests))
  local other
  bucket, other = KEYS[3], KEYS[4]
  if headOf(before) > headOf(now) then now, before, bucket, other = before, now, other, bucket end
  number, startMs, untilMs = headOf(now)
  if nowMs - startMs >= windowMs then
    now, before, bucket = {}, now, other
    isNewBucket, number, startMs, untilMs = true, number + 1, nowMs, 0
  elseif startMs - nowMs >= windowMs then
    -- This server's clock was set back: without this the bucket would go on until it is there again.
    startMs, untilMs = nowMs, 0
  end
  local _, _, beforeUntilMs = headOf(before)
  if beforeUntilMs <= nowMs then before = {} end
  local seen, removed, last, added = {}, {}, 0, 0
  for at = 2, keyed do
    local digest, index = digests[at], sent[at]
    -- Messages before it that are new and have no key take their offsets too.
    top = top + index - last - 1
    last = index
    local first = seen[digest] or now[at] or before[at]
    if first then
      reply[#reply + 1] = index - 1
      reply[#reply + 1] = first
      removed[index] = true
    else
      top = top + 1
      local place = pack('>d', top) .. sub(ARGV[13 + index], 17)
      seen[digest] = place
      fresh[added + 1] = digest
      fresh[added + 2] = place
      added = added + 2
    end
  end
  top = top + count - last
  if #reply > 2 then
    local kept, at = {}, 1
    for index = 1, count do
      local after = at + 4 + struct.unpack('>I4', block, at)
      if not removed[index] then kept[#kept + 1] = string.sub(block, at, after - 1) end
      at = after
    end
    count, block = #kept, table.concat(kept)
    if newChanges > 0 then newChanges = changesInBlock(block, 1, 1, count) end
  end
else
  top = top + count
end
if count == 0 and ARGV[8] ~= '0' then return reply end
if ARGV[12] ~= '' and ARGV[12] ~= text(epoch) .. ':' .. text(topBefore) then return { -1 } end
-- It has no first message yet: only its name may be in the index.
if top == 0 then return { epoch, 0, 1 } end

local changes, trimmed, counts
if count > 0 then
  local id, field = text(top) .. '-' .. ARGV[7], text(count)
  local added
  if topBefore > 0 then added = redis.pcall('XADD', log, 'NOMKSTREAM', id, field, block)
  else added = redis.pcall('XADD', log, id, field, block) end
  -- The stream was removed behind the record, or holds more than the record knows: nothing older can be vouched for.
  if type(added) == 'table' then
    if not string.find(added.err, 'equal or smaller', 1, true) then return added end
    call('UNLINK', log)
    epoch, reply[1], lineage = tonumber(ARGV[1]), tonumber(ARGV[1]), own
    if ARGV[12] ~= '' then
      -- It is a position of what the record knew, which is not this log.
      call('SET', meta, struct.pack(recordForm, epoch, topBefore, topBefore + 1, topBefore + 1, 0) .. own, 'KEEPTTL')
      return { -1 }
    end
    added = false
  end
  if not added then
    call('XADD', log, id, field, block)
    oldest, swept, bytes = topBefore + 1, topBefore + 1, 0
  end
  if newChanges > 0 then
    changes, trimmed, counts = countsIn(marks, epoch, lineage)
    changes = changes + newChanges
  end
  bytes = bytes + #block - 4 * count

  if #fresh > 0 then
    if isNewBucket then call('UNLINK', bucket) end
    -- Two windows from its beginning, so that its last key has one; more if the window has become longer since.
    local isExtended = nowMs + windowMs > untilMs
    if isExtended then
      untilMs = nowMs + 2 * windowMs
      fresh[#fresh + 1] = '#'
      fresh[#fresh + 1] = text(number) .. ' ' .. text(startMs) .. ' ' .. text(untilMs)
    end
    call('HSET', bucket, unpack(fresh))
    if isExtended then call('PEXPIRE', bucket, text(2 * windowMs)) end
  end
end

-- Retention. What goes by count is known without a look; its bytes are taken off the account some at a time, and so is what
-- goes by bytes or age: two messages for each new one and some more, so that a bound that was lowered is worked off
-- without a pause. Ages are of the senders' nodes' clocks; one clock alone that is ahead must not drop a room.
local ageNowMs = math.min(nowMs, tonumber(ARGV[10]))
if maxMessages > 0 and top - oldest + 1 > maxMessages then oldest = top - maxMessages + 1 end
local budget = 512 + 2 * count
local isOverdue = maxAgeMs > 0 or maxBytes > 0 and bytes > maxBytes
local sweptBefore = swept
while budget > 0 and swept < top and (isOverdue or oldest - swept >= 64) do
  local entry = call('XRANGE', log, text(swept), '+', 'COUNT', 1)[1]
  if not entry then break end
  local dash = string.find(entry[1], '-', 1, true)
  local last = tonumber(string.sub(entry[1], 1, dash - 1))
  local old, offset, at = entry[2][2], last - tonumber(entry[2][1]) + 1, 1
  local isOld = maxAgeMs > 0 and tonumber(string.sub(entry[1], dash + 1)) + maxAgeMs <= ageNowMs
  local isFull = maxBytes > 0 and bytes > maxBytes
  if swept >= oldest and not isOld and not isFull then break end
  if not changes then changes, trimmed, counts = countsIn(marks, epoch, lineage) end
  local sweptHere = swept
  local size = #old - 4 * (last - offset + 1)
  if offset == swept and last < top and (last < oldest or isOld or maxBytes > 0 and bytes - size >= maxBytes) then
    -- The whole block goes.
    bytes, swept, budget = bytes - size, last + 1, budget - (last - offset + 1)
  else
    while offset <= last do
      local length = struct.unpack('>I4', old, at)
      if offset >= swept then
        if offset >= oldest and not isOld and not (maxBytes > 0 and bytes > maxBytes) or offset == top then
          isOverdue, budget = false, 0
          break
        end
        bytes, swept, budget = bytes - length, offset + 1, budget - 1
      end
      at, offset = at + 4 + length, offset + 1
    end
  end
  if changes and changes > trimmed then
    -- A change of before there were counts is in none of them.
    trimmed = math.min(changes, trimmed + changesInBlock(old, last - tonumber(entry[2][1]) + 1, sweptHere, swept - 1))
  end
  if swept > oldest then oldest = swept end
end
if swept > sweptBefore then call('XTRIM', log, 'MINID', '~', text(swept)) end

if changes and changes > 0 then
  local member = '\\0' .. text(epoch) .. ' ' .. text(changes) .. ' ' .. text(trimmed)
  if counts ~= member then
    if counts then call('ZREM', marks, counts) end
    call('ZADD', marks, '0', member)
  end
end

-- Without KEEPTTL: the record of a room that has messages stays.
call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes) .. lineage)
if count > 0 then
  call('SPUBLISH', KEYS[5], struct.pack('>BI4dI4', 1, epoch, topBefore + 1, count) .. block)
elseif maxAgeMs > 0 and oldest == top then
  local newest = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  local sentAtMs = newest and tonumber(string.match(newest[1], '%d+$'))
  if sentAtMs and sentAtMs + maxAgeMs <= ageNowMs then reply[3] = 1 end
end
return reply
`);
