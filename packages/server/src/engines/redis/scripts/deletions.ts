import { script } from "./script.js";

const nowLua = `
local time = redis.call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[1])
`;

/**
 * Note that a deletion has begun.
 *
 *     KEYS  deletions
 *     ARGV  what to add to this server's time, for tests; the room and the position of its message
 */
export const putDeletionScript = script(`#!lua
${nowLua}
redis.call('ZADD', KEYS[1], nowMs, ARGV[2])
return 1
`);

/**
 * Take deletions that no node has put or taken for a time.
 *
 *     KEYS  deletions
 *     ARGV  what to add to this server's time, for tests; that time, in milliseconds; how many
 *     reply their rooms and positions
 *
 * Allowed while memory is full: it adds nothing, and what follows makes room.
 */
export const takeDeletionsScript = script(`#!lua flags=allow-oom
${nowLua}
local taken = redis.call('ZRANGE', KEYS[1], '-inf', nowMs - tonumber(ARGV[2]), 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, member in ipairs(taken) do redis.call('ZADD', KEYS[1], nowMs, member) end
return taken
`);
