import { decodeChatMessage } from "@confab/contract";
import type { Retention } from "../../core/index.js";
import { entryKey } from "./keys.js";
import type { RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

/**
 * Messages dropped from one room in one commit, beyond two for each that the commit brings: what a lowered bound leaves
 * behind is worked off over several commits, and a room cannot grow faster than it is trimmed.
 */
const backlogDropsPerCommit = 512;

/**
 * Drop the oldest messages that a room keeps beyond its bounds, in the commit that is being made.
 *
 * `storedNewest` is the newest offset that is in the store already: the record may count newer ones, which this commit
 * brings and so cannot drop. `nowMs` is the wall clock as far as it is believed (`LogTime.wallMs`). Returns how many were
 * dropped.
 */
export function dropExpired(
  store: Store,
  record: RoomRecord,
  storedNewest: number,
  retention: Retention,
  nowMs: number,
): number {
  const { maxMessages = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, maxAgeMs } = retention;
  const maxDrops = backlogDropsPerCommit + 2 * (record.newest - storedNewest);
  let dropped = 0;
  while (dropped < maxDrops && record.oldest <= storedNewest && record.oldest < record.newest) {
    // Counted bounds are decided by the record alone; only the age needs the message itself.
    const isCounted = record.newest - record.oldest + 1 > maxMessages || record.bytes > maxBytes;
    if (!isCounted && maxAgeMs === undefined) break;
    const key = entryKey(record.number, record.oldest);
    const body = store.entries.get(key);
    if (body) {
      if (!isCounted && decodeChatMessage(body).sentAtMs + (maxAgeMs ?? 0) > nowMs) break;
      record.bytes -= body.length;
      void store.entries.remove(key);
    }
    record.oldest++;
    dropped++;
  }
  return dropped;
}
