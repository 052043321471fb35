/**
 * Lua for the record of a room, which outlives its messages: 36 bytes, big-endian.
 *
 *     epoch u32 | top f64 | oldest f64 | swept f64 | bytes f64
 *
 * `swept`: messages below it are off the account of `bytes`, and out of the stream as far as its nodes allow. A string and
 * not a hash, since it is read and written with every message.
 *
 * Numbers go into commands by %.0f: Lua's own form is short of digits from 10^14 on.
 */
export const roomRecordLua = `
local recordForm = '>I4dddd'

local function text(number)
  return string.format('%.0f', number)
end
`;

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
