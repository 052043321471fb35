import { roomRecordLua } from "./room-record.js";
import { script } from "./script.js";

/**
 * Remove a room of which nothing is kept any more, all of it or nothing: its newest message has been past its age for
 * `emptyRoomMs`, no node has been in it for as long, and no id of it must be recognised.
 *
 *     KEYS  log, meta, ids:0, ids:1, channel, nodes, idle, marks
 *     ARGV  maxAgeMs, 0: none but its own; emptyRoomMs; what to add to this server's time, for tests; what the node takes for the time: ages are
 *           told by it or by this server's time, whichever is earlier
 *     reply 1: the room is gone, or has no first message; 0: it stays
 *
 * `idle` is when a sweep first found no node in the room. Each node that comes or goes removes it. Allowed while memory is
 * full, since it makes room.
 */
export const removeRoomScript = script(`#!lua flags=allow-oom
${roomRecordLua}
local call = redis.call
local log, meta, idle = KEYS[1], KEYS[2], KEYS[7]
local maxAgeMs, emptyRoomMs = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = call('TIME')
local nowMs = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[3])

local record = call('GET', meta)
if not record then return 1 end
local refusal = refusalOf(record, meta)
if refusal then return refusal end
local _, top = struct.unpack(recordForm, record)
if top == 0 then return 1 end
local _, _, ownAgeMs = ownBoundsIn(record)
maxAgeMs = narrower(ownAgeMs, maxAgeMs)
if maxAgeMs == 0 then return 0 end
local newest = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
-- A stream that was removed behind its record is damage: the next message finds it.
if not newest then return 0 end
local sentAtMs = tonumber(string.match(newest[1], '%d+$'))
if sentAtMs + maxAgeMs + emptyRoomMs > math.min(nowMs, tonumber(ARGV[4])) then return 0 end
for at = 3, 4 do
  -- As append.ts writes it: number, beginning and end of the bucket.
  local head = call('HGET', KEYS[at], '#')
  if head and tonumber(string.match(head, '%d+$')) > nowMs then return 0 end
end
if call('HLEN', KEYS[6]) > 0 then return 0 end
local sinceMs = tonumber(call('GET', idle) or '')
if not sinceMs or sinceMs > nowMs then
  call('SET', idle, text(nowMs))
  return 0
end
if sinceMs + emptyRoomMs > nowMs then return 0 end
-- One by one: while the slot moves, the other master refuses a command that names a key which does not exist.
for _, key in ipairs({ log, meta, KEYS[3], KEYS[4], idle, KEYS[8] }) do call('UNLINK', key) end
call('SPUBLISH', KEYS[5], string.char(3))
return 1
`);
