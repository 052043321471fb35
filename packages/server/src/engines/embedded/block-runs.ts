import { entriesOf, type LogEntry, type PageBounds } from "../../core/index.js";
import type { Block, EntryTable } from "./store.js";

/** Offsets, both inclusive. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The first entries of a range, oldest first, as far as they follow each other and the bounds allow. Those that are missing at
 * its front are left out.
 *
 * @throws DATA_LOSS
 */
export function readRunForward(
  table: EntryTable,
  room: number,
  { from, to }: OffsetRange,
  { maxEntries, maxBytes }: PageBounds,
): LogEntry[] {
  const run: LogEntry[] = [];
  let bytes = 0;
  for (const block of untilDamage(table.forward(room, from), run)) {
    for (const entry of entriesOf(block.bytes, block.first)) {
      const { offset, body } = entry;
      if (offset < from) continue;
      const last = run.at(-1);
      // Of two parts of a store, one may hold already what the other one still has.
      if (last && offset <= last.offset) continue;
      const isFull = run.length === maxEntries || bytes >= maxBytes;
      if (isFull || offset > to || (last && offset > last.offset + 1)) return run;
      run.push(entry);
      bytes += body.length;
    }
    // Before the next block is read, which may be damaged.
    if (block.last >= to || run.length === maxEntries || bytes >= maxBytes) break;
  }
  return run;
}

/** What can be read before something that is damaged is a run. Only one that would begin with that is refused. */
function* untilDamage(blocks: Iterable<Block>, run: readonly LogEntry[]): Iterable<Block> {
  try {
    yield* blocks;
  } catch (thrown) {
    if (run.length === 0) throw thrown;
  }
}

/** The last entries of a range, oldest first, with the same bounds. @throws DATA_LOSS */
export function readRunBackward(
  table: EntryTable,
  room: number,
  { from, to }: OffsetRange,
  { maxEntries, maxBytes }: PageBounds,
): LogEntry[] {
  const run: LogEntry[] = [];
  let bytes = 0;
  reading: for (const block of untilDamage(table.backward(room, to), run)) {
    for (const entry of entriesOf(block.bytes, block.first).reverse()) {
      const { offset, body } = entry;
      if (offset > to) continue;
      const next = run.at(-1);
      if (next && offset >= next.offset) continue;
      const isFull = run.length === maxEntries || bytes >= maxBytes;
      if (isFull || offset < from || (next && offset < next.offset - 1)) break reading;
      run.push(entry);
      bytes += body.length;
    }
    if (block.first <= from || run.length === maxEntries || bytes >= maxBytes) break;
  }
  return run.reverse();
}
