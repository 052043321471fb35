import { script } from "./script.js";

/**
 * Whether a room still holds an entry that was in it. If not, the log has gone back in time and gets another epoch, so that
 * positions of what is lost are not taken for positions of what comes in its place.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; the offset; the first digits of the body's SHA-1; an epoch, should the room need one
 *     reply 1: it does, or it has trimmed the entry; 0: it does not
 */
export const verifyScript = script(`#!lua flags=allow-oom
local known = redis.call('HMGET', KEYS[2], 'epoch', 'top', 'oldest')
-- Another epoch, or none: whoever made it has told the readers, or the next who looks will.
if known[1] ~= ARGV[1] then return 0 end
local offset, digest = tonumber(ARGV[2]), ARGV[3]
if offset <= tonumber(known[2]) then
  if offset < tonumber(known[3]) or redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
  local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
  if entry and string.sub(redis.sha1hex(entry[2][2]), 1, #digest) == digest then return 1 end
end
redis.call('HSET', KEYS[2], 'epoch', ARGV[4])
redis.call('SPUBLISH', KEYS[3], string.char(3))
return 0
`);
