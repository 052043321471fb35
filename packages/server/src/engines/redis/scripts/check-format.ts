import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Refuse a room of a later format.
 *
 *     KEYS  meta
 *     reply 1: this version knows its format, or there is no room
 */
export const checkFormatScript = script(`#!lua flags=no-writes
${roomRecordLua}
local record = redis.call('GET', KEYS[1])
return record and refusalOf(record, KEYS[1]) or 1
`);
