/**
 * Lua for how many changes of messages a room has had, and for its read marks. Both are members of one sorted set, all with score
 * 0, so ordered by their bytes:
 *
 *     NUL epoch SP changes SP trimmed changes               of those below `swept`; without it there were none
 *     user NUL epoch SP offset SP changes SP at             a read mark, with how many changes there were up to it
 *
 * They name the epoch that the room had, since the set may outlive the record of its room, and then belongs to another log.
 * A node of a version that does not know the set neither counts nor removes it.
 *
 * It follows `roomRecordLua`, and needs `call`.
 */
export const changeCountsLua = `
-- Where the entry of an offset of some epoch stands now, and whether it is there: of what was lost the last that was kept
-- counts. Nil: it is of another log.
local function offsetHere(wasEpoch, offset, epoch, lineage)
  if wasEpoch == epoch then return offset, true end
  for at = 1, #lineage - 11, 12 do
    local earlier, kept = struct.unpack('>I4d', lineage, at)
    if earlier == wasEpoch then return math.min(offset, kept), offset <= kept end
  end
end

local function countsIn(marks, epoch, lineage)
  local found = call('ZRANGEBYLEX', marks, '[\\0', '(\\1', 'LIMIT', '0', '1')[1]
  local wasEpoch, changes, trimmed = string.match(found or '', '^%z(%d+) (%d+) (%d+)$')
  if not wasEpoch or not offsetHere(tonumber(wasEpoch), 0, epoch, lineage) then return 0, 0, found end
  return tonumber(changes), tonumber(trimmed), found
end

-- The changes among the messages of a block from one offset to another one. The first byte of a body tells (contract,
-- message-change-codec.ts).
local function changesInBlock(block, first, from, to)
  local count, offset, at = 0, first, 1
  while at < #block and offset <= to do
    if offset >= from and string.byte(block, at + 4) == 0x52 then count = count + 1 end
    at, offset = at + 4 + struct.unpack('>I4', block, at), offset + 1
  end
  return count
end

-- The changes from \`swept\` up to before \`oldest\`, which are not counted as trimmed yet. There are few, except shortly after a bound
-- was lowered: some blocks are looked through.
local function changesSwept(log, swept, oldest)
  local count = 0
  for _, entry in ipairs(oldest > swept and call('XRANGE', log, text(swept), '+', 'COUNT', '64') or {}) do
    local last = tonumber(string.match(entry[1], '^%d+'))
    local first = last - tonumber(entry[2][1]) + 1
    if first >= oldest then break end
    count = count + changesInBlock(entry[2][2], first, swept, oldest - 1)
  end
  return count
end
`;
