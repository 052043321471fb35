import { maxEarlierEpochs } from "../../../core/index.js";
import { blockDigestLua, earlierBytes, roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Whether a room still holds the newest block that is known to have been in it. If not, the log has gone back in time and
 * gets another epoch, so that positions of what is lost are not taken for positions of what comes in its place.
 *
 * Positions of the epoch before stay good up to the newest known block that is there: since a log only grows, all before
 * it is what it was. What follows it may have come after the loss.
 *
 *     KEYS  log, meta, channel
 *     ARGV  the epoch; an epoch, should the room need one; the last offset of each block, and its digest, the newest first
 *     reply 1: it does, or it has trimmed it; 0: it does not
 */
export const verifyScript = script(`#!lua flags=allow-oom
${roomRecordLua}${blockDigestLua}
local record = redis.call('GET', KEYS[2])
-- Another epoch, or none: whoever made it has told the readers, or the next who looks will.
if not record then return 0 end
local refusal = refusalOf(record, KEYS[2])
if refusal then return refusal end
local epoch, top, oldest, swept, bytes = struct.unpack(recordForm, record)
if text(epoch) ~= ARGV[1] then return 0 end
-- Before the first message nothing can be missing.
local kept, isThere = 0, redis.call('EXISTS', KEYS[1]) == 1
for at = 3, #ARGV, 2 do
  local last = tonumber(ARGV[at])
  if last <= top then
    if last < oldest or not isThere then
      if at == 3 then return 1 end
      break
    end
    local entry = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])[1]
    -- Something of the block may have been erased since (erase.ts).
    if entry and (entry[2][3] == 'erased' or digestOf(entry[2][2]) == ARGV[at + 1]) then
      if at == 3 then return 1 end
      kept = last
      break
    end
  end
end
local own = ownBoundsIn(record)
local lineage = string.sub(record, recordBytes + #own + 1) .. struct.pack('>I4d', epoch, kept)
lineage = own .. string.sub(lineage, -${maxEarlierEpochs * earlierBytes})
-- With a room that nobody has written to the record goes by itself, as before.
redis.call('SET', KEYS[2], struct.pack(recordForm, tonumber(ARGV[2]), top, oldest, swept, bytes) .. lineage, 'KEEPTTL')
redis.call('SPUBLISH', KEYS[3], string.char(3))
return 0
`);
