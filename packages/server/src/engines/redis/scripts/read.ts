import { digestLength, script } from "./script.js";

/**
 * What a room holds, and a page of it.
 *
 *     KEYS  log, meta
 *     ARGV  'forward' or 'backward'; the first offset of the page (forward) or the last; maxEntries; maxBytes
 *     reply { epoch, oldest, top, digest, id, body, id, body, ... }, or {} for a room without a record;
 *           digest: the first digits of the SHA-1 of the newest body, where no page is asked for
 *
 * It writes nothing, so that it works while memory is full.
 */
export const readScript = script(`#!lua flags=no-writes
local log = KEYS[1]
local from, maxEntries, maxBytes = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local known = redis.call('HMGET', KEYS[2], 'epoch', 'top', 'oldest', 'swept', 'bytes')
if not known[1] then return {} end
local top, oldest = tonumber(known[2]), tonumber(known[3])
local reply = { known[1], oldest, top, '' }
if maxEntries == 0 then
  local newest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if newest then reply[4] = string.sub(redis.sha1hex(newest[2][2]), 1, ${digestLength}) end
end
-- The stream may have been removed without its record; then nothing of it can be read.
if top > 0 and redis.call('EXISTS', log) == 0 then
  oldest = top + 1
  reply[2] = oldest
end
if maxEntries == 0 then return reply end

local isForward = ARGV[1] == 'forward'
local at = tonumber(from)
if isForward then at = math.max(at, oldest) else at = math.min(at, top) end
-- As many at a time as bring maxBytes by the room's average, so that a page of large messages does not copy a log.
local average = tonumber(known[5]) / math.max(1, top - tonumber(known[4]) + 1) + 1
local bytes = 0
while maxEntries > 0 and bytes < maxBytes and at >= oldest and at <= top do
  local count = math.min(maxEntries, 1 + math.ceil((maxBytes - bytes) / average))
  local entries
  if isForward then
    entries = redis.call('XRANGE', log, string.format('%.0f', at), '+', 'COUNT', count)
  else
    entries = redis.call('XREVRANGE', log, string.format('%.0f', at), string.format('%.0f', oldest), 'COUNT', count)
  end
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = entry[2][2]
    bytes = bytes + #entry[2][2]
    if bytes >= maxBytes then break end
  end
  maxEntries = maxEntries - #entries
  if isForward then at = at + #entries else at = at - #entries end
end
return reply
`);
