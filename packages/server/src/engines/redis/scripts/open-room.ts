import { script } from "./script.js";

/**
 * Give a room that nobody wrote to an epoch, so that its readers hold a position that stays true when the first message
 * comes. The record goes by itself when nobody has looked for a while; the first message makes it stay.
 *
 *     KEYS  log, meta, ids:0, ids:1, ids:2
 *     ARGV  an epoch, should the room need one; how long to keep the record, in milliseconds
 *
 * A few bytes, so it may be done while memory is full: readers come even then.
 */
export const openRoomScript = script(`#!lua flags=allow-oom
local meta = KEYS[2]
local known = redis.call('HMGET', meta, 'epoch', 'top')
if known[1] then
  if known[2] == '0' then redis.call('PEXPIRE', meta, ARGV[2]) end
  return 0
end
-- The record of a room that has messages is lost: what it described is another log now.
redis.call('UNLINK', KEYS[1], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', meta, 'epoch', ARGV[1], 'top', '0', 'oldest', '1', 'swept', '1', 'bytes', '0')
redis.call('PEXPIRE', meta, ARGV[2])
return 1
`);
