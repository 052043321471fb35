import type { BodyFilter } from "@confab/contract";
import { cost } from "../work/index.js";
import { unitsOfFiltered } from "./filter-groups.js";
import type { ReadableLog, RoomState } from "./ports.js";
import type { RoomId } from "./room-id.js";
import type { PageBounds, Run } from "./run.js";
import type { ScanningShare } from "./scanning-share.js";

/** A room whose entries are looked through, a piece at a time. */
export interface ScannedRoom<Log extends ReadableLog = ReadableLog> {
  readonly log: Log;
  readonly room: RoomId;
  readonly share: ScanningShare;
}

/** What is looked through at a time. Nothing of it is kept, so it is larger than what is read for a reply. */
export const scannedPiece: PageBounds = { maxEntries: 512, maxBytes: 131_072 };

/** Units of a piece that is looked through. */
export function unitsOfScan(bytes: number): number {
  return cost.scannedPiece + (bytes * cost.copiedKib) / 1_024;
}

const mostUnits = unitsOfScan(scannedPiece.maxBytes);
const mostFiltered = unitsOfFiltered(scannedPiece.maxEntries);

/**
 * Wait for the turn of the next piece. It is accounted for as if it were full, at once: many pieces may begin in a turn before
 * the first of them has been read.
 */
export function beginPiece(share: ScanningShare, withFilter = false): Promise<void> | undefined {
  return share.begin(mostUnits + (withFilter ? mostFiltered : 0));
}

/** Account for what was read of a piece. */
export function endPiece(share: ScanningShare, { bodyBytes, count }: Run, withFilter = false): void {
  share.spend(unitsOfScan(bodyBytes) - mostUnits + (withFilter ? unitsOfFiltered(count) - mostFiltered : 0));
}

/** Which messages are looked for, from the newest one backward. */
export interface WantedMessages {
  /** How many. */
  readonly messages: number;
  /** Only those that pass; undefined: all. */
  readonly filter?: BodyFilter | undefined;
  /** Through how many entries they are looked for; undefined: all. */
  readonly maxEntries?: number | undefined;
}

/**
 * The offset before the newest messages of a room, of which there may be fewer, and whether others, or changes, stand among
 * them.
 */
export async function beforeNewestMessages(
  { log, room, share }: ScannedRoom,
  { epoch, oldest, newest }: RoomState,
  { messages, filter, maxEntries: mostEntries = newest }: WantedMessages,
): Promise<{ readonly offset: number; readonly hasChanges: boolean }> {
  const end = Math.max(oldest, newest + 1 - mostEntries);
  const withFilter = filter !== undefined;
  let [first, left, hasChanges] = [newest + 1, messages, withFilter];
  while (left > 0 && first > end) {
    await beginPiece(share, withFilter);
    const maxEntries = Math.min(scannedPiece.maxEntries, hasChanges ? first - end : left);
    const page = await log.readBackward(room, first, { ...scannedPiece, maxEntries });
    endPiece(share, page.run, withFilter);
    // It was trimmed or replaced meanwhile, or shows less than it said: what cannot be seen counts as messages.
    if (page.run.last !== first - 1 || page.run.count === 0 || page.epoch !== epoch)
      return { offset: Math.max(oldest - 1, first - 1 - left), hasChanges: true };
    const found = filter ? page.run.passing(filter) : page.run.messages;
    hasChanges ||= found !== page.run;
    first = found.count >= left ? found.offsetAt(found.count - left) : page.run.first;
    left -= Math.min(left, found.count);
  }
  return { offset: first - 1, hasChanges };
}
