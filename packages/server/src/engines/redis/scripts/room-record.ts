/**
 * Lua for the record of a room, which outlives its messages. It tells the format of all that Redis keeps of the room's log:
 *
 *     epoch u32 | top f64 | oldest f64 | swept f64 | bytes f64 | (earlier epoch u32 | top f64)*     36 bytes or more, big-endian: format 1
 *                       ... bytes f64 | (0 u32 | bound f64) x 3 | (earlier epoch u32 | top f64)*     with its own bounds
 *     format u8 | ...                                                                              at most 35 bytes: a later format
 *
 * Earlier epochs stand behind all else, the oldest first: a node of a version that does not know them reads the rest, and drops
 * them when it writes, which is safe.
 *
 * Bounds (messages, age in milliseconds, bytes; 0: none) look like earlier epochs of a number that no room has: nodes of the version
 * before keep them as such, and do not keep to them.
 *
 * A script that finds a later format replies `NEWERFORMAT format key`, before it reads or writes anything else. Versions that
 * do not know this word refuse such a record too, because it is too short for them. So a version that changes blocks, ids or
 * the record first puts a record of its format there. What older nodes may ignore needs no new format: it gets a
 * separate key, or follows the 36 bytes if an older node may drop it.
 *
 * `swept`: messages below it are off the account of `bytes`, and out of the stream as far as its nodes allow. A string and
 * not a hash, since it is read and written with every message.
 *
 * Numbers go into commands by %.0f: Lua's own form is short of digits from 10^14 on.
 */
export const roomRecordLua = `
local recordForm, recordBytes = '>I4dddd', 36

-- What to reply to a record of a later format; nil: it is of format 1.
local function refusalOf(record, key)
  if #record >= 36 then return nil end
  return { err = 'NEWERFORMAT ' .. (string.byte(record) or 0) .. ' ' .. key }
end

-- A room's own bounds in its record: as they are stored, and as numbers, 0 for none.
local function ownBoundsIn(record)
  if #record < 72 or string.sub(record, 37, 40) ~= '\\0\\0\\0\\0' then return '', 0, 0, 0 end
  local _, maxMessages, _, maxAgeMs, _, maxBytes = struct.unpack('>I4dI4dI4d', string.sub(record, 37, 72))
  return string.sub(record, 37, 72), maxMessages, maxAgeMs, maxBytes
end

-- Of two bounds the narrower one.
local function narrower(one, other)
  if one > 0 and (other == 0 or one < other) then return one end
  return other
end

local function text(number)
  return string.format('%.0f', number)
end
`;

/** An earlier epoch in a record, in bytes, and so is one bound. */
export const earlierBytes = 12;

/** How many of a block's last bytes stand for it. */
export const digestedBytes = 256;

/**
 * Lua: what tells a block from another one at its place. Ids and times are in what it looks at, so that no two blocks of any
 * history are alike.
 */
export const blockDigestLua = `
local function digestOf(block)
  return redis.sha1hex(string.sub(block, -${digestedBytes})) .. #block
end
`;
