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
export function readRunForward(table: EntryTable, room: number, range: OffsetRange, bounds: PageBounds): LogEntry[] {
  return collect(table.forward(room, range.from), { begin: range.from, end: range.to, step: 1 }, bounds);
}

/** The last entries of a range, oldest first, with the same bounds. @throws DATA_LOSS */
export function readRunBackward(table: EntryTable, room: number, range: OffsetRange, bounds: PageBounds): LogEntry[] {
  return collect(table.backward(room, range.to), { begin: range.to, end: range.from, step: -1 }, bounds).reverse();
}

/** Which way a range is read: from `begin` to `end`. */
interface Way {
  readonly begin: number;
  readonly end: number;
  readonly step: 1 | -1;
}

function collect(blocks: Iterable<Block>, { begin, end, step }: Way, { maxEntries, maxBytes }: PageBounds): LogEntry[] {
  const run: LogEntry[] = [];
  let next: number | undefined;
  let bytes = 0;
  const isFull = () => run.length === maxEntries || bytes >= maxBytes;
  for (const block of untilDamage(blocks, run)) {
    const entries = entriesOf(block.bytes, block.first);
    for (const entry of step === 1 ? entries : entries.reverse()) {
      // Of two parts of a store, one may hold already what the other one still has.
      if ((entry.offset - (next ?? begin)) * step < 0) continue;
      const isPastEnd = (entry.offset - end) * step > 0;
      if (isFull() || isPastEnd || (next !== undefined && entry.offset !== next)) return run;
      run.push(entry);
      next = entry.offset + step;
      bytes += entry.body.length;
    }
    // Before the next block is read, which may be damaged.
    const farthest = step === 1 ? block.last : block.first;
    if (isFull() || (farthest - end) * step >= 0) return run;
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
