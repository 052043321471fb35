import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Give messages other bodies: all of them, or none.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; for each message its offset and the body, offsets rising
 *     reply 0: they have them; otherwise the offset of the first one that is not there, or -1 for one that cannot be
 *
 * Entries of a stream cannot be changed, and later versions of Redis do not take an entry back with the id that it had
 * (XSETID is refused below an id that was removed, from 7.2 on). So the stream is made again, with the same ids, once for all
 * of them. Time and memory that this takes grow with the room.
 *
 * A second field marks the block, since a node that knew it before knows another digest (verify.ts). Allowed while memory
 * is full, since it makes room.
 */
export const eraseScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local call = redis.call
local log, meta = KEYS[1], KEYS[2]
local function missing(offset) if offset > 0 then return offset end return -1 end
local record = call('GET', meta)
if not record then return missing(tonumber(ARGV[2])) end
local refusal = refusalOf(record, meta)
if refusal then return refusal end
local epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
local changed = {}
local id, block, last, at, place
for argument = 2, #ARGV, 2 do
  local offset, body = tonumber(ARGV[argument]), ARGV[argument + 1]
  if text(epoch) ~= ARGV[1] or offset < oldest or offset > top then return missing(offset) end
  if not last or offset > last then
    local found = call('XRANGE', log, ARGV[argument], '+', 'COUNT', 1)[1]
    if not found then return missing(offset) end
    id, block, last = found[1], found[2][2], tonumber(string.match(found[1], '^%d+'))
    at, place = 1, last - tonumber(found[2][1]) + 1
  end
  if place > offset then return missing(offset) end
  while place < offset do
    at, place = at + 4 + struct.unpack('>I4', block, at), place + 1
  end
  local length = struct.unpack('>I4', block, at)
  if string.sub(block, at + 4, at + 3 + length) ~= body then
    block = string.sub(block, 1, at - 1) .. struct.pack('>I4', #body) .. body .. string.sub(block, at + 4 + length)
    changed[id], bytes = block, bytes + #body - length
  end
end
if next(changed) then
  local entries = call('XRANGE', log, '-', '+')
  call('UNLINK', log)
  for _, entry in ipairs(entries) do
    local fields = entry[2]
    local other = changed[entry[1]]
    if other then fields = { fields[1], other, 'erased', '1' } end
    call('XADD', log, entry[1], unpack(fields))
  end
  call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes) .. string.sub(record, recordBytes + 1))
end
call('SPUBLISH', KEYS[3], string.char(5))
return 0
`);
