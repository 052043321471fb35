import { script } from "./script.js";

/**
 * Ask to be the one node that delivers, or to stay it.
 *
 *     KEYS  lease
 *     ARGV  node; how long it holds, in milliseconds
 *     reply 1 if the node has it, else 0
 */
export const leaseScript = script(`#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

/**
 * Move a room's cursor, if the node may: one that slept must not set it back.
 *
 *     KEYS  lease, cursors
 *     ARGV  node; room; position
 *     reply 1 if it was moved, else 0
 */
export const confirmScript = script(`#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return 1
`);

/**
 * Let another node deliver.
 *
 *     KEYS  lease
 *     ARGV  node
 */
export const releaseScript = script(`#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`);
