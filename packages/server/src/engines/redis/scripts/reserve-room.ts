import { script } from "./script.js";

/**
 * List a room before its first message.
 *
 *     KEYS  rooms
 *     ARGV  the room; maxRooms
 *     reply how many rooms there are; if that is too many for another, -1 minus that
 */
export const reserveRoomScript = script(`#!lua
local count = redis.call('ZCARD', KEYS[1])
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return count end
if count >= tonumber(ARGV[2]) then return -1 - count end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return count + 1
`);
