import type { ReceivedHead } from "./request-head.js";

/** How many different heads are remembered per connection: a client repeats a handful of calls. */
const rememberedHeads = 4;

/** Longer blocks are not remembered: what idle connections cost must stay small. */
const longestBlockBytes = 512;

/**
 * Remembers what header blocks decode to. A client that repeats a call sends the same bytes again once its fields are in
 * the dynamic table; equal bytes at an equal version of that table mean an equal head, so decoding and checking are
 * skipped, and all those requests share one `RequestHead`.
 *
 * Only a block that left the table unchanged may be added.
 */
export class HeadCache {
  readonly #entries: CachedHead[] = [];
  #next = 0;

  find(block: Uint8Array, start: number, end: number, tableVersion: number): ReceivedHead | undefined {
    const length = end - start;
    for (const entry of this.#entries) {
      if (entry.block.length === length && entry.tableVersion === tableVersion && isEqual(entry.block, block, start)) {
        return entry.head;
      }
    }
    return undefined;
  }

  add(block: Uint8Array, start: number, end: number, tableVersion: number, head: ReceivedHead): void {
    if (end - start > longestBlockBytes) return;
    this.#entries[this.#next] = { block: Uint8Array.prototype.slice.call(block, start, end), tableVersion, head };
    this.#next = (this.#next + 1) % rememberedHeads;
  }
}

interface CachedHead {
  readonly block: Uint8Array;
  readonly tableVersion: number;
  readonly head: ReceivedHead;
}

function isEqual(cached: Uint8Array, block: Uint8Array, start: number): boolean {
  for (let at = 0; at < cached.length; at += 1) {
    if (cached[at] !== block[start + at]) return false;
  }
  return true;
}
