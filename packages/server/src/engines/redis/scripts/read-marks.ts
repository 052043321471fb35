import { changeCountsLua } from "./change-counts.js";
import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * A room with some of its read marks.
 *
 *     KEYS  log, meta, marks
 *     ARGV  the first member of the set and the last one, as ZRANGEBYLEX takes them; how many marks
 *     reply { epoch, oldest, top, earlier epochs, changes, trimmed changes, mark, ... }, or {} for a room without a record
 */
export const readMarksScript = script(`#!lua flags=no-writes
local call = redis.call
${roomRecordLua}${changeCountsLua}
local record = call('GET', KEYS[2])
if not record then return {} end
local refusal = refusalOf(record, KEYS[2])
if refusal then return refusal end
local epoch, top, oldest, swept = struct.unpack(recordForm, record)
local lineage = string.sub(record, recordBytes + 1)
local changes, trimmed = countsIn(KEYS[3], epoch, lineage)
if changes > trimmed then trimmed = trimmed + changesSwept(KEYS[1], swept, oldest) end
local reply = { epoch, oldest, top, lineage, changes, trimmed }
for _, mark in ipairs(call('ZRANGEBYLEX', KEYS[3], ARGV[1], ARGV[2], 'LIMIT', '0', ARGV[3])) do
  reply[#reply + 1] = mark
end
return reply
`);

/**
 * Move a read mark forward.
 *
 *     KEYS  log, meta, marks, channel
 *     ARGV  user; epoch; offset; how many changes there were up to it; the time; how many marks a room may have
 *     reply { epoch, oldest, top, earlier epochs, changes, trimmed changes, the mark as it is now, 1 if it has moved }; { 0 }:
 *           the room has not come to the position; { n }: it has n marks, and no place for another one
 *
 * The channel is named as all scripts name it that write: while the slot moves, they are refused (open-slots.ts).
 */
export const moveMarkScript = script(`#!lua
local call = redis.call
${roomRecordLua}${changeCountsLua}
local record = call('GET', KEYS[2])
if not record then return { 0 } end
local refusal = refusalOf(record, KEYS[2])
if refusal then return refusal end
local epoch, top, oldest, swept = struct.unpack(recordForm, record)
local lineage = string.sub(record, recordBytes + 1)
local offset, isThere = offsetHere(tonumber(ARGV[2]), tonumber(ARGV[3]), epoch, lineage)
if not isThere or offset > top then return { 0 } end

local marks, user = KEYS[3], ARGV[1]
local changes, trimmed, counts = countsIn(marks, epoch, lineage)
-- Marks of a log that is lost go, all at once: their rooms' pages and bounds are of the marks of one log.
local first = call('ZRANGEBYLEX', marks, '[\\1', '+', 'LIMIT', '0', '1')[1]
if first and not offsetHere(tonumber(string.match(first, '%z(%d+) ')), 0, epoch, lineage) then
  call('UNLINK', marks)
  if counts then call('ZADD', marks, '0', counts) end
end
local found = call('ZRANGEBYLEX', marks, '[' .. user .. '\\0', '(' .. user .. '\\1', 'LIMIT', '0', '1')[1]
local isMoved, mark = true, user .. '\\0' .. text(epoch) .. ' ' .. text(offset) .. ' ' .. ARGV[4] .. ' ' .. ARGV[5]
if found then
  local wasEpoch, wasOffset = string.match(found, '%z(%d+) (%d+) ', #user + 1)
  local before = offsetHere(tonumber(wasEpoch), tonumber(wasOffset), epoch, lineage)
  if before and before >= offset then isMoved, mark = false, found end
end
if isMoved then
  local count = call('ZCARD', marks) - (counts and 1 or 0)
  if not found and count >= tonumber(ARGV[6]) then return { count } end
  if found then call('ZREM', marks, found) end
  call('ZADD', marks, '0', mark)
end
if changes > trimmed then trimmed = trimmed + changesSwept(KEYS[1], swept, oldest) end
return { epoch, oldest, top, lineage, changes, trimmed, mark, isMoved and 1 or 0 }
`);

/**
 * Remove a read mark.
 *
 *     KEYS  meta, marks, channel
 *     ARGV  user
 */
export const removeMarkScript = script(`#!lua flags=allow-oom
local found = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1] .. '\\0', '(' .. ARGV[1] .. '\\1', 'LIMIT', '0', '1')[1]
if found then redis.call('ZREM', KEYS[2], found) end
return 1
`);
