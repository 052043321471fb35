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
 *           { 'busy' }: another copy of the room is being made, also where nothing would change; { 'missing', the offset of the
 *           first one that is not there, or -1 for one that cannot be }. blocks, bytes: what was copied now, and looked at first
 *
 * Entries of a stream cannot be changed, and later versions of Redis do not take an entry back with the id that it had
 * (XSETID is refused below an id that was removed, from 7.2 on). So the stream is copied, with the same ids, once for all
 * of them, in steps between which Redis does other work. The step that comes to the end of the log puts the copy in its place:
 * until then nothing is changed. All steps together take time with the room, and its memory once more.
 *
 * `copying` has whose copy it is, the last id that is in it, how many, and by how many bytes all of it grows. A step looks at
 * the blocks that it copies, and not at all that change: those may be megabytes. Both keys go by themselves if no step follows.
 * What was appended or trimmed meanwhile needs no care: the copy ends with the log, and messages before `oldest` are not read.
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
for argument = 4, #ARGV, 2 do
  local offset = tonumber(ARGV[argument])
  if text(epoch) ~= ARGV[1] or offset < oldest or offset > top then return missing(offset) end
end

-- The argument that is next, as they rise with the entries; and whether one of an entry's messages is named from there on.
local argument = 4
local function lastOf(id) return tonumber(string.match(id, '^%d+')) end
local function isNamed(last) return argument <= #ARGV and tonumber(ARGV[argument]) <= last end
-- An entry's block with the bodies that are named, nil if it has them, and how many bytes it grows by; or nothing, and what is missing.
local function rewritten(entry)
  local block, last = entry[2][2], lastOf(entry[1])
  local at, place = 1, last - tonumber(entry[2][1]) + 1
  local pieces, from, added = {}, 1, 0
  while isNamed(last) do
    local offset, body = tonumber(ARGV[argument]), ARGV[argument + 1]
    if place > offset then return nil, nil, offset end
    while place < offset do
      at, place = at + 4 + struct.unpack('>I4', block, at), place + 1
    end
    local length = struct.unpack('>I4', block, at)
    if string.sub(block, at + 4, at + 3 + length) ~= body then
      pieces[#pieces + 1] = string.sub(block, from, at - 1)
      pieces[#pieces + 1] = struct.pack('>I4', #body) .. body
      from, added = at + 4 + length, added + #body - length
    end
    argument = argument + 2
  end
  if from == 1 then return nil, 0 end
  pieces[#pieces + 1] = string.sub(block, from)
  return table.concat(pieces), added
end

local copied, copiedBytes = 0, 0
local owner, after, count, growth = string.match(call('GET', copying) or '', '^(%S+) (%S+) (%d+) (%S+)$')
if owner and owner ~= ARGV[2] then return { 'busy' } end
count, growth = tonumber(count or 0), tonumber(growth or 0)
local isChanged = owner ~= nil
-- Also if it is not what was left of it: a full Redis may remove keys that would go by themselves.
if not owner or call('XLEN', copy) ~= count then
  call('UNLINK', copy)
  after, count, growth, isChanged = '0-0', 0, 0, false
  -- All are looked at once, so that nothing is copied if one is not there, or all are erased. It counts as copied.
  while argument <= #ARGV do
    local entry = call('XRANGE', log, ARGV[argument], '+', 'COUNT', 1)[1]
    if not entry then return missing(tonumber(ARGV[argument])) end
    local block, added, absent = rewritten(entry)
    if absent then return missing(absent) end
    isChanged, growth = isChanged or block ~= nil, growth + added
    copied, copiedBytes = copied + 1, copiedBytes + #entry[2][2]
  end
  argument = 4
end
if isChanged then
  while isNamed(lastOf(after)) do argument = argument + 2 end
  local batch, isOver = 1, false
  while not isOver and copied < ${maxStepBlocks} and copiedBytes < ${maxStepBytes} do
    local entries = call('XRANGE', log, '(' .. after, '+', 'COUNT', batch)
    for _, entry in ipairs(entries) do
      local fields = entry[2]
      if isNamed(lastOf(entry[1])) then
        local block, _, absent = rewritten(entry)
        if absent then return missing(absent) end
        if block then fields = { fields[1], block, 'erased', '1' } end
      end
      call('XADD', copy, entry[1], unpack(fields))
      after, count, copied, copiedBytes = entry[1], count + 1, copied + 1, copiedBytes + #fields[2]
    end
    isOver = #entries < batch
    batch = math.min(batch * 2, 64)
  end
  if not isOver then
    call('SET', copying, ARGV[2] .. ' ' .. after .. ' ' .. text(count) .. ' ' .. text(growth), 'PX', ARGV[3])
    call('PEXPIRE', copy, ARGV[3])
    return { 'more', copied, copiedBytes }
  end
  call('UNLINK', copying)
  call('PERSIST', copy)
  -- Not by RENAME, which would wait for its memory.
  call('UNLINK', log)
  call('RENAME', copy, log)
  bytes = bytes + growth
  call('SET', meta, struct.pack(recordForm, epoch, top, oldest, swept, bytes) .. string.sub(record, recordBytes + 1))
end
call('SPUBLISH', KEYS[5], string.char(5))
return { 'done', copied, copiedBytes }
`);
