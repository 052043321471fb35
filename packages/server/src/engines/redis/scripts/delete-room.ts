import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Remove a room, whatever it holds.
 *
 *     KEYS  meta, channel; all else that the room has
 *     reply how many messages it had; 0: there was no room, or it had no first message
 *
 * The epoch that readers of a room without a message hold stays. Allowed while memory is full, since it makes room.
 */
export const deleteRoomScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local call = redis.call
local record = call('GET', KEYS[1])
if not record then return 0 end
local refusal = refusalOf(record, KEYS[1])
if refusal then return refusal end
local _, top, oldest = struct.unpack(recordForm, record)
if top == 0 then return 0 end
-- One by one: while the slot moves, the other master refuses a command that names a key which does not exist.
call('UNLINK', KEYS[1])
for at = 3, #KEYS do call('UNLINK', KEYS[at]) end
call('SPUBLISH', KEYS[2], string.char(3))
return top - oldest + 1
`);
