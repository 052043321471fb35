import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Give a room that nobody wrote to an epoch, so that its readers hold a position that stays true when the first message
 * comes. The record goes by itself when nobody has looked for a while; the first message makes it stay.
 *
 *     KEYS  log, meta, ids:0, ids:1, marks
 *     ARGV  an epoch, should the room need one; how long to keep the record, in milliseconds
 *
 * A few bytes, so it may be done while memory is full: readers come even then.
 */
export const openRoomScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local record = redis.call('GET', KEYS[2])
local refusal = record and refusalOf(record, KEYS[2])
if refusal then return refusal end
if not record then
  -- The record of a room that has messages may be lost: what it described is another log now.
  for _, key in ipairs({ KEYS[1], KEYS[3], KEYS[4], KEYS[5] }) do redis.call('UNLINK', key) end
  redis.call('SET', KEYS[2], struct.pack(recordForm, tonumber(ARGV[1]), 0, 1, 1, 0), 'PX', ARGV[2])
else
  local _, top = struct.unpack(recordForm, record)
  if top == 0 then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
end
return 1
`);
