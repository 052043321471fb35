import { crc32 } from "node:zlib";
import { ConfabError } from "@confab/contract";
import { type Block, messageEnd } from "../../core/index.js";
import { blockKey, lastOffsetOf } from "./keys.js";
import { rewrittenBlock } from "./rewritten-block.js";
import { DamagedBlock, type EntryTable, type KeyRange, type Rewriting, type Table } from "./store.js";

/**
 * A block takes messages while it stays within so many bytes. Few pages of LMDB, so that little is read for a short page; and
 * not more than whole pages hold, with what LMDB (16 bytes) and this table write before it.
 */
const blockBytes = 4 * 4_096 - 16 - 8;

/** A last block of fewer bytes than this is written again together with what follows it: LMDB writes its page anyway. */
const extendedBytes = 2_048;

/** What stands before the block in a value: a checksum, and how many messages it has. Both u32, big-endian. */
const headBytes = 8;

/** What a block of so many messages takes beside them, in bytes. */
export function blockOverhead(messages: number): number {
  return headBytes + 4 * messages;
}

const noBytes = new Uint8Array(0);

/** Messages in blocks, with a checksum each, in a table of keys and values. */
export class BlockTable implements EntryTable {
  constructor(private readonly table: Table) {}

  append(room: number, { first, bytes }: Block, droppedTo = 0): void {
    // What the same write drops is still there to be read, and must not come back.
    const before = first - 1 > droppedTo ? this.extendable(room, first - 1) : undefined;
    if (before) void this.table.remove(blockKey(room, before.last));
    let start = before?.bytes ?? noBytes;
    let next = before?.first ?? first;
    let count = before ? before.last - before.first + 1 : 0;
    for (let from = 0, at = 0; from < bytes.length; ) {
      for (let isFirst = true; at < bytes.length; isFirst = false) {
        const end = messageEnd(bytes, at);
        if (!isFirst && start.length + end - from > blockBytes) break;
        at = end;
        count++;
      }
      this.put(room, next, count, [start, bytes.subarray(from, at)]);
      next += count;
      start = noBytes;
      count = 0;
      from = at;
    }
  }

  *forward(room: number, from: number): Iterable<Block> {
    let next = 0;
    for (const row of this.rows({ start: blockKey(room, from), end: blockKey(room + 1, 0) })) {
      const block = blockFrom(row);
      if (block.first < next) throw twice(block, row.value);
      next = block.last + 1;
      yield block;
    }
  }

  *backward(room: number, to: number): Iterable<Block> {
    // A block is found by its last offset: the one that holds `to` may end after it.
    const [row] = this.rows({ start: blockKey(room, to), end: blockKey(room + 1, 0), limit: 1 });
    const start = row?.key;
    let next = Number.POSITIVE_INFINITY;
    const range = { start: start ?? blockKey(room, to), end: blockKey(room, 0), reverse: true };
    for (const row of this.rows(range)) {
      const block = blockFrom(row);
      if (block.last >= next) throw twice(block, row.value);
      next = block.first;
      if (block.first <= to) yield block;
    }
  }

  drop(room: number, upTo: number): void {
    for (const key of this.table.getKeys({ start: blockKey(room, 0), end: blockKey(room, upTo + 1) }))
      void this.table.remove(key);
  }

  clear(room: number): void {
    this.drop(room, Number.POSITIVE_INFINITY);
  }

  rewrite(room: number, rewriting: Rewriting): void {
    const { bodies, cutTo } = rewriting;
    const blocks = new Map<number, Block>();
    for (const offset of [...bodies.keys(), ...(cutTo > 0 ? [cutTo] : [])]) {
      const block = this.blockWith(room, offset);
      if (block) blocks.set(block.last, block);
    }
    for (const block of blocks.values()) {
      const { first, last, bytes } = rewrittenBlock(block, rewriting);
      this.put(room, first, last - first + 1, [bytes]);
    }
  }

  /** The block that holds a message; undefined: none does, or it is damaged, and is left as it is: for its readers. */
  private blockWith(room: number, offset: number): Block | undefined {
    const [row] = this.rows({ start: blockKey(room, offset), end: blockKey(room + 1, 0), limit: 1 });
    if (!row || !isWhole(row.key, row.value)) return undefined;
    const block = blockFrom(row);
    return block.first <= offset ? block : undefined;
  }

  /** @throws DATA_LOSS: the table cannot be read there. */
  private *rows(range: KeyRange) {
    try {
      yield* this.table.getRange(range);
    } catch (thrown) {
      throw damage(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** The room's last block, if it ends with this offset and is small. One that is damaged is left as it is: for its readers. */
  private extendable(room: number, last: number): Block | undefined {
    if (last < 1) return undefined;
    const key = blockKey(room, last);
    const value = this.table.get(key);
    if (!value || value.length >= extendedBytes || !isWhole(key, value)) return undefined;
    return blockFrom({ key, value });
  }

  private put(room: number, first: number, count: number, parts: readonly Uint8Array[]): void {
    const key = blockKey(room, first + count - 1);
    const value = Buffer.concat([Buffer.allocUnsafe(headBytes), ...parts]);
    value.writeUInt32BE(count, 4);
    value.writeUInt32BE(checksum(key, value), 0);
    void this.table.put(key, value);
  }
}

/** Of the place as well: a block that is found at another one is damage too. */
function checksum(key: Buffer, value: Buffer): number {
  return crc32(value.subarray(4), crc32(key));
}

function isWhole(key: Buffer, value: Buffer): boolean {
  return value.length > headBytes && value.readUInt32BE(0) === checksum(key, value);
}

function blockFrom({ key, value }: { readonly key: Buffer; readonly value: Buffer }): Block {
  const last = lastOffsetOf(key);
  if (!isWhole(key, value))
    throw new DamagedBlock(last, value.length, `the messages up to ${last} are not what was stored`);
  return { first: last - value.readUInt32BE(4) + 1, last, bytes: value.subarray(headBytes) };
}

function twice({ first, last }: Block, value: Buffer): DamagedBlock {
  return new DamagedBlock(last, value.length, `messages ${first} to ${last} are there twice`);
}

function damage(what: string): ConfabError {
  return new ConfabError("DATA_LOSS", `the room's log is damaged: ${what}`);
}
