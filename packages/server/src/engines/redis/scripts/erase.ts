import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Give a message another body.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; the offset; the body
 *     reply 1: it has it; 0: there is no such message
 *
 * Entries of a stream cannot be changed, and later versions of Redis do not take an entry back with the id that it had
 * (XSETID is refused below an id that was removed, from 7.2 on). So the stream is made again, with the same ids. Time and memory
 * that this takes grow with the room.
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
local found = call('XRANGE', log, ARGV[2], '+', 'COUNT', 1)[1]
if not found then return 0 end
local last, count, block = tonumber(string.match(found[1], '^%d+')), tonumber(found[2][1]), found[2][2]
local at, place = 1, last - count + 1
if place > offset then return 0 end
while place < offset do
  at, place = at + 4 + struct.unpack('>I4', block, at), place + 1
end
local length = struct.unpack('>I4', block, at)
if string.sub(block, at + 4, at + 3 + length) ~= body then
  local entries = call('XRANGE', log, '-', '+')
  block = string.sub(block, 1, at - 1) .. struct.pack('>I4', #body) .. body .. string.sub(block, at + 4 + length)
  call('UNLINK', log)
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    if entry[1] == found[1] then fields = { fields[1], block, 'erased', '1' } end
    call('XADD', log, entry[1], unpack(fields))
  end
  call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes + #body - length) .. string.sub(record, recordBytes + 1))
end
call('SPUBLISH', KEYS[3], string.char(5))
return 1
`);
