import { script } from "../scripts/script.js";

/**
 * Write what one node knows of some users in one room, and tell of the first in and the last out over all nodes.
 *
 *     KEYS  members, shared, nodes, the node's own hash, channel, idle
 *     ARGV  node; the stamp it left last time, or '*': whichever; its stamp from now on, or '': it has left the room;
 *           maxPresenceEventMembers; then for each user the name and the number of connections, 0 for none
 *     reply the sum of
 *           1 if the stamp was the expected one; else Redis has lost, or has seen, something that the node does not know of
 *           2 if no node had a reader of the room before
 *           4 if no node has one any more
 *
 * It says how things are and not how they change, so it may be run again. Allowed while memory is full: those who leave
 * make room, and what those who come take is bounded by their connections.
 */
export const writeMembersScript = script(`#!lua flags=allow-oom
local members, shared, nodes, own = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local node, expected, stamp = ARGV[1], ARGV[2], ARGV[3]
local call = redis.call
local changes = {}
for at = 5, #ARGV, 2 do
  local user, connections = ARGV[at], ARGV[at + 1]
  if connections ~= '0' then
    if call('HSET', own, user, connections) == 1 then
      if call('ZADD', members, 0, user) == 1 then
        changes[#changes + 1] = struct.pack('>BI2', 1, #user) .. user
      else
        call('HINCRBY', shared, user, 1)
      end
    end
  elseif call('HDEL', own, user) == 1 then
    local others = tonumber(call('HGET', shared, user) or '0')
    if others > 1 then
      call('HINCRBY', shared, user, -1)
    elseif others == 1 then
      call('HDEL', shared, user)
    elseif call('ZREM', members, user) == 1 then
      changes[#changes + 1] = struct.pack('>BI2', 0, #user) .. user
    end
  end
end
local before = call('HGET', nodes, node) or ''
local wasRead = call('HLEN', nodes) > 0
if stamp == '' then call('HDEL', nodes, node) else call('HSET', nodes, node, stamp) end
call('UNLINK', KEYS[6])
if #changes > 0 then
  local count = call('ZCARD', members)
  if count <= tonumber(ARGV[4]) then
    call('SPUBLISH', KEYS[5], struct.pack('>BI4', 4, count) .. table.concat(changes))
  end
end
local reply = 0
if expected == '*' or before == expected then reply = 1 end
local isRead = call('HLEN', nodes) > 0
if isRead and not wasRead then reply = reply + 2 end
if wasRead and not isRead then reply = reply + 4 end
return reply
`);

/** What the reply of `writeMembersScript` says. */
export function writtenMembers(reply: unknown): { readonly fits: boolean; readonly isOccupied: boolean | undefined } {
  const bits = Number(reply);
  return { fits: (bits & 1) !== 0, isOccupied: (bits & 6) === 0 ? undefined : (bits & 2) !== 0 };
}

/**
 * How many read a room.
 *
 *     KEYS  members, nodes
 *     reply { members, subscribers }
 */
export const countMembersScript = script(`#!lua flags=no-writes
local subscribers = 0
for _, stamp in ipairs(redis.call('HVALS', KEYS[2])) do
  subscribers = subscribers + tonumber(string.match(stamp, '^%d+'))
end
return { redis.call('ZCARD', KEYS[1]), subscribers }
`);

/**
 * A node's sign of life, by this server's clock. Who gave none for too long is dead; this node is asked to remove some of
 * the dead, whom nobody else is asked for until the time is up.
 *
 *     KEYS  alive, dead
 *     ARGV  node; how long the others wait for its next sign, in milliseconds; the longest pause between two signs of a node;
 *           how long this node has for the removal
 *     reply { 1 if the node was alive for the others, else 0; a dead node, ... }
 *
 * When nobody at all was heard for two pauses, it was this server that was away: then everybody gets the time to come back.
 */
export const heartbeatScript = script(`#!lua flags=allow-oom
local alive, dead, node = KEYS[1], KEYS[2], ARGV[1]
local timeoutMs, pauseMs, removalMs = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local call = redis.call
local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function text(number)
  return string.format('%.0f', number)
end

local wasAlive = call('ZSCORE', alive, node) and 1 or 0
local newest = call('ZRANGE', alive, -1, -1, 'WITHSCORES')
if newest[2] and nowMs - (tonumber(newest[2]) - timeoutMs) > 2 * pauseMs then
  for _, other in ipairs(call('ZRANGE', alive, 0, -1)) do call('ZADD', alive, text(nowMs + timeoutMs), other) end
end
call('ZADD', alive, text(nowMs + timeoutMs), node)
for _, silent in ipairs(call('ZRANGEBYSCORE', alive, '-inf', text(nowMs))) do
  call('ZREM', alive, silent)
  call('ZADD', dead, 0, silent)
end
local reply = { wasAlive }
for _, one in ipairs(call('ZRANGEBYSCORE', dead, '-inf', text(nowMs), 'LIMIT', 0, 4)) do
  call('ZADD', dead, text(nowMs + removalMs), one)
  reply[#reply + 1] = one
end
return reply
`);
