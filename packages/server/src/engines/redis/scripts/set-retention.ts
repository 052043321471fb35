import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Give a room its own bounds, instead of those that it had.
 *
 *     KEYS  meta
 *     ARGV  maxMessages, maxAgeMs, maxBytes; 0: none
 *     reply 1: it has them; 0: it has no first message
 */
export const setRetentionScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local record = redis.call('GET', KEYS[1])
if not record then return 0 end
local refusal = refusalOf(record, KEYS[1])
if refusal then return refusal end
local _, top = struct.unpack(recordForm, record)
if top == 0 then return 0 end
local before, own = ownBoundsIn(record), ''
local bounds = { tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) }
if bounds[1] + bounds[2] + bounds[3] > 0 then
  for _, bound in ipairs(bounds) do own = own .. struct.pack('>I4d', 0, bound) end
end
redis.call('SET', KEYS[1], string.sub(record, 1, recordBytes) .. own .. string.sub(record, recordBytes + #before + 1))
return 1
`);
