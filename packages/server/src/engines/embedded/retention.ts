import { decodeChatMessage } from "@confab/contract";
import { entriesOf, type Retention } from "../../core/index.js";
import type { RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

/**
 * Messages dropped from one room in one commit, beyond two for each that the commit brings: what a lowered bound leaves
 * behind is worked off over several commits, and a room cannot grow faster than it is trimmed.
 */
const backlogDropsPerCommit = 512;

/**
 * Drop the oldest messages that a room keeps beyond its bounds, in the commit that is being made. They are not read any more
 * from then on; a block leaves the store with the last of its messages.
 *
 * `storedNewest` is the newest offset that is in the store already: the record may count newer ones, which this commit
 * brings and so cannot drop. `nowMs` is the wall clock as far as it is believed (`LogTime.wallMs`). Returns how many were
 * dropped.
 */
export function dropExpired(
  store: Pick<Store, "entries">,
  record: RoomRecord,
  storedNewest: number,
  retention: Retention,
  nowMs: number,
): number {
  const { maxMessages = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, maxAgeMs } = retention;
  const maxDrops = backlogDropsPerCommit + 2 * (record.newest - storedNewest);
  const last = Math.min(storedNewest, record.newest - 1);
  // Counted bounds are decided by the record alone; only the age needs the message itself.
  const isCounted = () => record.newest - record.oldest + 1 > maxMessages || record.bytes > maxBytes;
  const isExpired = (body: Uint8Array) =>
    isCounted() || (maxAgeMs !== undefined && decodeChatMessage(body).sentAtMs + maxAgeMs <= nowMs);
  if (!isCounted() && maxAgeMs === undefined) return 0;
  let dropped = 0;
  trimming: for (const block of store.entries.forward(record.number, record.oldest)) {
    for (const { offset, body } of entriesOf(block.bytes, block.first)) {
      if (offset < record.oldest) continue;
      if (dropped === maxDrops || offset > last || !isExpired(body)) break trimming;
      record.bytes -= body.length;
      record.oldest = offset + 1;
      dropped++;
    }
  }
  if (dropped > 0) store.entries.drop(record.number, record.oldest - 1);
  return dropped;
}
