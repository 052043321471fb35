import { decodeChatMessage, isChange } from "@confab/contract";
import { type Block, entriesOf, type Retention } from "../../core/index.js";
import { blockOverhead } from "./block-table.js";
import type { RoomRecord } from "./room-record.js";
import { DamagedBlock, type Store } from "./store.js";

/**
 * Messages dropped from one room in one commit, beyond two for each that the commit brings: what a lowered bound leaves
 * behind is worked off over several commits, and a room cannot grow faster than it is trimmed.
 */
export const backlogDropsPerCommit = 512;

/**
 * Damaged blocks that follow each other, past which a commit looks for a message that tells their age. Where more do, they go
 * by count and bytes alone.
 */
const maxDamagedInRow = 256;

/**
 * Drop the oldest messages that a room keeps beyond its bounds, in the commit that is being made. They are not read any more
 * from then on; a block leaves the store with the last of its messages.
 *
 * A damaged block does not stop it. By count its messages go like any. As it cannot be read, it goes as a whole when the room
 * has too many bytes, or when the first message that can be read after it is past its age: it is older than that. With its last
 * message the size of its value is taken off the room's bytes. If a part of it had been dropped before the damage, that is
 * more than was there, and the room keeps up to a block more than `maxBytes`. No message is dropped too early.
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
  const { number, oldest } = record;
  const maxDrops = backlogDropsPerCommit + 2 * (record.newest - storedNewest);
  const last = Math.min(storedNewest, record.newest - 1);
  // Counted bounds are decided by the record alone; only the age needs the message itself.
  const isCounted = () => record.newest - record.oldest + 1 > maxMessages || record.bytes > maxBytes;
  const isOld = (body: Uint8Array) => maxAgeMs !== undefined && decodeChatMessage(body).sentAtMs + maxAgeMs <= nowMs;
  const hasDropped = () => record.oldest - oldest;
  if (!isCounted() && maxAgeMs === undefined) return 0;

  const dropReadable = (block: Block): boolean => {
    for (const { offset, body } of entriesOf(block.bytes, block.first)) {
      if (offset < record.oldest) continue;
      if (hasDropped() >= maxDrops || offset > last || !(isCounted() || isOld(body))) return false;
      record.bytes -= body.length;
      if (isChange(body)) countTrimmedChange(record);
      record.oldest = offset + 1;
    }
    return true;
  };
  const dropDamaged = (block: DamagedBlock): boolean => {
    const lastByCount = record.newest - maxMessages;
    const isWhole =
      lastByCount >= block.last || record.bytes > maxBytes || isOldAfter(store, number, block.last, isOld);
    const to = Math.min(isWhole ? block.last : lastByCount, last);
    if (to < record.oldest || hasDropped() >= maxDrops) return false;
    if (to === block.last) record.bytes = Math.max(0, record.bytes - bodyBytes(block, record.oldest));
    record.oldest = to + 1;
    return to === block.last;
  };
  while (dropWhile(store.entries.forward(number, record.oldest), dropReadable, dropDamaged));
  if (hasDropped() > 0) store.entries.drop(number, record.oldest - 1);
  return hasDropped();
}

/** A change of before there were counts is in none of them. */
function countTrimmedChange(record: RoomRecord): void {
  record.trimmedChanges = Math.min((record.trimmedChanges ?? 0) + 1, record.changes ?? 0);
}

/** Give each block to one of the two until it says no. True: a damaged one was dropped, and what follows it is to be read. */
function dropWhile(
  blocks: Iterable<Block>,
  dropReadable: (block: Block) => boolean,
  dropDamaged: (block: DamagedBlock) => boolean,
): boolean {
  try {
    for (const block of blocks) if (!dropReadable(block)) break;
    return false;
  } catch (thrown) {
    if (thrown instanceof DamagedBlock) return dropDamaged(thrown);
    throw thrown;
  }
}

/** Whether the first message that can be read after an offset is past its age. False where none can. */
function isOldAfter(
  { entries }: Pick<Store, "entries">,
  room: number,
  offset: number,
  isOld: (body: Uint8Array) => boolean,
): boolean {
  let after = offset;
  for (let looked = 0; looked < maxDamagedInRow; looked++) {
    try {
      for (const block of entries.forward(room, after + 1))
        return entriesOf(block.bytes, block.first)
          .slice(0, 1)
          .some(({ body }) => isOld(body));
      return false;
    } catch (thrown) {
      if (!(thrown instanceof DamagedBlock)) throw thrown;
      after = thrown.last;
    }
  }
  return false;
}

/** What the messages of a block from `oldest` on have at most, in bytes. */
function bodyBytes({ last, bytes }: DamagedBlock, oldest: number): number {
  return Math.max(0, bytes - blockOverhead(last - oldest + 1));
}
