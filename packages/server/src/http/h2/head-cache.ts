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
    this.#entries[this.#next] = { block: Buffer.from(block.subarray(start, end)), tableVersion, head };
    this.#next = (this.#next + 1) % rememberedHeads;
  }
}

interface CachedHead {
  readonly block: Buffer;
  readonly tableVersion: number;
  readonly head: ReceivedHead;
}

/** A call out of JavaScript costs as much as so many turns of the loop. Blocks with a token that is not in the table are longer. */
const loopedBytes = 64;

function isEqual(cached: Buffer, block: Uint8Array, start: number): boolean {
  if (cached.length > loopedBytes) return cached.compare(block, start, start + cached.length) === 0;
  for (let at = 0; at < cached.length; at += 1) {
    if (cached[at] !== block[start + at]) return false;
  }
  return true;
}
