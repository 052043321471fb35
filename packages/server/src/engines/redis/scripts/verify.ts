import { blockDigestLua, roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Whether a room still holds a block that was in it. If not, the log has gone back in time and gets another epoch, so that
 * positions of what is lost are not taken for positions of what comes in its place.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; the block's last offset; its digest; an epoch, should the room need one
 *     reply 1: it does, or it has trimmed it; 0: it does not
 */
export const verifyScript = script(`#!lua flags=allow-oom
${roomRecordLua}${blockDigestLua}
local record = redis.call('GET', KEYS[2])
-- Another epoch, or none: whoever made it has told the readers, or the next who looks will.
if not record then return 0 end
local epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
if text(epoch) ~= ARGV[1] then return 0 end
local last = tonumber(ARGV[2])
if last <= top then
  if last < oldest or redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
  local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
  if entry and digestOf(entry[2][2]) == ARGV[3] then return 1 end
end
-- With a room that nobody has written to the record goes by itself, as before.
redis.call('SET', KEYS[2], struct.pack(recordForm, tonumber(ARGV[4]), top, oldest, swept, bytes), 'KEEPTTL')
redis.call('SPUBLISH', KEYS[3], string.char(3))
return 0
`);
