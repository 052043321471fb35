import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/** What one step copies, before its last entries. */
const maxStepBlocks = 512;
const maxStepBytes = 524_288;

/**
 * Give messages other bodies: all of them, or none.
 *
 *     KEYS  log, meta, copy, copying, channel
 *     ARGV  the epoch; whose copy it is; how long that is kept for its next step, in milliseconds; for each message its offset
 *           and the body, offsets rising
 *     reply { 'done', blocks, bytes }: they have them; { 'more', blocks, bytes }: to be run again with the same arguments;
 *           { 'busy' }: another copy of the room is being made; { 'missing', the offset of the first one that is not there, or -1 for
 *           one that cannot be }. blocks, bytes: what was copied now
 *
 * Entries of a stream cannot be changed, and later versions of Redis do not take an entry back with the id that it had
 * (XSETID is refused below an id that was removed, from 7.2 on). So the stream is copied, with the same ids, once for all
 * of them, in steps between which Redis does other work. The step that comes to the end of the log puts the copy in its place:
 * until then nothing is changed. All steps together take time with the room, and its memory once more.
 *
 * `copying` has whose copy it is, the last id that is in it, and how many. Both keys go by themselves if no step follows. What was
 * appended or trimmed meanwhile needs no care: the copy ends with the log, and messages before `oldest` are not read.
 *
 * A second field marks the block, since a node that knew it before knows another digest (verify.ts). Allowed while memory
 * is full, since it makes room.
 */
export const eraseScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local call = redis.call
local log, meta, copy, copying = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function missing(offset) return { 'missing', offset > 0 and offset or -1 } end
local record = call('GET', meta)
if not record then return missing(tonumber(ARGV[4])) end
local refusal = refusalOf(record, meta)
if refusal then return refusal end
local epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
local changed = {}
local id, block, last, at, place
for argument = 4, #ARGV, 2 do
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
local copied, copiedBytes = 0, 0
if next(changed) then
  local owner, after, count = string.match(call('GET', copying) or '', '^(%S+) (%S+) (%d+)$')
  if owner and owner ~= ARGV[2] then return { 'busy' } end
  count = tonumber(count or 0)
  -- Also if it is not what was left of it: a full Redis may remove keys that would go by themselves.
  if not owner or call('XLEN', copy) ~= count then
    call('UNLINK', copy)
    after, count = nil, 0
  end
  local batch, isOver = 1, false
  while not isOver and copied < ${maxStepBlocks} and copiedBytes < ${maxStepBytes} do
    local entries = call('XRANGE', log, after and '(' .. after or '-', '+', 'COUNT', batch)
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      local other = changed[entry[1]]
      if other then fields = { fields[1], other, 'erased', '1' } end
      call('XADD', copy, entry[1], unpack(fields))
      after, count, copied, copiedBytes = entry[1], count + 1, copied + 1, copiedBytes + #fields[2]
    end
    isOver = #entries < batch
    batch = math.min(batch * 2, 64)
  end
  if not isOver then
    call('SET', copying, ARGV[2] .. ' ' .. after .. ' ' .. text(count), 'PX', ARGV[3])
    call('PEXPIRE', copy, ARGV[3])
    return { 'more', copied, copiedBytes }
  end
  call('UNLINK', copying)
  call('PERSIST', copy)
  -- Not by RENAME, which would wait for its memory.
  call('UNLINK', log)
  call('RENAME', copy, log)
  call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes) .. string.sub(record, recordBytes + 1))
end
call('SPUBLISH', KEYS[5], string.char(5))
return { 'done', copied, copiedBytes }
`);
