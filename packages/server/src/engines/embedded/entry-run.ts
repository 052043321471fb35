import type { LogEntry, PageBounds } from "../../core/index.js";
import { entryKey, writeOffset } from "./keys.js";
import type { Table } from "./store.js";

/** Entries are copied out of the store into pieces of memory of about this size, and not each into one of its own. */
const slabBytes = 65_536;

/**
 * The entries from offset `from` to `to` as far as they follow each other without a gap and the bounds allow; none when
 * the first one is missing.
 *
 * Each is looked up by its key, since the offsets are known: a range of the store makes a Buffer for every key and value
 * and an object for both, which costs half as much again.
 */
export function readRun(
  store: Table,
  roomNumber: number,
  { from, to }: { readonly from: number; readonly to: number },
  { maxEntries, maxBytes }: PageBounds,
): LogEntry[] {
  const entries: LogEntry[] = [];
  const key = entryKey(roomNumber, from);
  const end = Math.min(to, from + maxEntries - 1);
  let slab = new ArrayBuffer(0);
  let used = 0;
  let bytes = 0;
  for (let offset = from; offset <= end && bytes < maxBytes; offset++) {
    writeOffset(key, offset);
    // The store's own memory: valid until it is asked for something else.
    const found = store.getBinaryFast(key);
    if (!found) break;
    const { length } = found;
    if (used + length > slab.byteLength) {
      // No more than what is left needs, if all are as long as this one.
      slab = new ArrayBuffer(Math.max(length, Math.min(slabBytes, length * (end - offset + 1))));
      used = 0;
    }
    const body = new Uint8Array(slab, used, length);
    // `found` is longer than its length says: it is the whole of a memory that the store uses again and again.
    body.set(new Uint8Array(found.buffer, found.byteOffset, length));
    entries.push({ offset, body });
    used += length;
    bytes += length;
  }
  return entries;
}
