import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/** Entries that one node of a stream has at the most, unless Redis is configured for more (`stream-node-max-entries`). */
const nodeEntries = 100;

/**
 * Give a message another body.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; the offset; the body
 *     reply 1: it has it; 0: there is no such message
 *
 * Entries of a stream cannot be changed, and Redis keeps the bytes of a removed entry until its node (a piece of the stream
 * in memory) has no other. So the entries of that node and all that follow are removed and added again, with the ids that
 * they had. XSETID makes the stream forget that it had later ones. The time and memory that this takes grow with what
 * follows in the room.
 *
 * A second field marks the block, since a node that knew it before knows another digest (verify.ts). Allowed while memory
 * is full, since it makes room.
 */
export const eraseScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local call = redis.call
local log, meta, offset, body = KEYS[1], KEYS[2], tonumber(ARGV[2]), ARGV[3]
local record = call('GET', meta)
if not record then return 0 end
local refusal = refusalOf(record, meta)
if refusal then return refusal end
local epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
if text(epoch) ~= ARGV[1] or offset < oldest or offset > top then return 0 end
local tail = call('XRANGE', log, ARGV[2], '+')
local entry = tail[1]
if not entry then return 0 end
local last, count, block = tonumber(string.match(entry[1], '^%d+')), tonumber(entry[2][1]), entry[2][2]
local at, place = 1, last - count + 1
if place > offset then return 0 end
while place < offset do
  at, place = at + 4 + struct.unpack('>I4', block, at), place + 1
end
local length = struct.unpack('>I4', block, at)
if string.sub(block, at + 4, at + 3 + length) ~= body then
  block = string.sub(block, 1, at - 1) .. struct.pack('>I4', #body) .. body .. string.sub(block, at + 4 + length)
  entry[2] = { entry[2][1], block, 'erased', '1' }
  local before = call('XREVRANGE', log, '(' .. entry[1], '-', 'COUNT', ${nodeEntries + 1})
  for _, each in ipairs(tail) do call('XDEL', log, each[1]) end
  for index = 1, math.min(#before, ${nodeEntries}) do call('XDEL', log, before[index][1]) end
  local kept = before[${nodeEntries + 1}]
  call('XSETID', log, kept and kept[1] or '0-0')
  for index = math.min(#before, ${nodeEntries}), 1, -1 do call('XADD', log, before[index][1], unpack(before[index][2])) end
  for _, each in ipairs(tail) do call('XADD', log, each[1], unpack(each[2])) end
  call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes + #body - length) .. string.sub(record, recordBytes + 1))
end
call('SPUBLISH', KEYS[3], string.char(5))
return 1
`);
