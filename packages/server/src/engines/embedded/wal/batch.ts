import type { Block } from "../../../core/index.js";

/** The tables of keys and values that a batch changes; what it says of them in a record. */
export const tableNumbers = { ids: 0, rooms: 1, meta: 2 } as const;
export type TableName = keyof typeof tableNumbers;
const tableNames: readonly TableName[] = ["ids", "rooms", "meta"];

/** Undefined: it is removed. */
export interface KeyChange {
  readonly table: TableName;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

export interface RoomChange {
  readonly room: number;
  /** Undefined: nothing is added. */
  readonly block: Block | undefined;
  /** Messages up to this offset go; 0: none. */
  readonly dropTo: number;
}

/** A message gets another body, or leaves its block together with those before it. */
export interface RewriteChange {
  readonly room: number;
  readonly offset: number;
  /** Undefined: all up to the offset, which were dropped, leave their block. */
  readonly body: Uint8Array | undefined;
}

export type Change = KeyChange | RoomChange | RewriteChange;

/*
 * A batch of changes, as it stands in a record of the write-ahead log. Numbers are big-endian.
 *
 *     (1 | table u8 | length u16 | key | length u32 | value         put
 *      2 | table u8 | length u16 | key                              remove
 *      3 | room u32 | first f64 | last f64 | length u32 | block     append
 *      4 | room u32 | up to f64                                     drop
 *      5 | room u32 | offset f64 | length u32 | body                another body
 *      6 | room u32 | up to f64)*                                   cut
 */
const kinds = { put: 1, remove: 2, append: 3, drop: 4, replace: 5, cut: 6 } as const;

/** What the memory of an encoder may stay at, in bytes: what a large batch took is given back. */
const maxKeptBytes = 1_048_576;

/** Writes batches, one after another, into the same memory. */
export class BatchEncoder {
  private buffer = Buffer.allocUnsafe(65_536);
  private used = 0;

  /** Valid until the next call. */
  encode(changes: readonly Change[]): Buffer {
    if (this.buffer.length > maxKeptBytes) this.buffer = Buffer.allocUnsafe(maxKeptBytes);
    this.used = 0;
    for (const change of changes) {
      if ("key" in change) this.keyChange(change);
      else if ("offset" in change) this.rewriteChange(change);
      else this.roomChange(change);
    }
    return this.buffer.subarray(0, this.used);
  }

  private keyChange({ table, key, value }: KeyChange): void {
    this.reserve(8 + key.length + (value?.length ?? 0));
    this.buffer[this.used++] = value ? kinds.put : kinds.remove;
    this.buffer[this.used++] = tableNumbers[table];
    this.used = this.buffer.writeUInt16BE(key.length, this.used);
    this.copy(key);
    if (!value) return;
    this.used = this.buffer.writeUInt32BE(value.length, this.used);
    this.copy(value);
  }

  private roomChange({ room, block, dropTo }: RoomChange): void {
    if (dropTo > 0) {
      this.reserve(13);
      this.room(kinds.drop, room);
      this.used = this.buffer.writeDoubleBE(dropTo, this.used);
    }
    if (!block) return;
    const { first, last, bytes } = block;
    this.reserve(25 + bytes.length);
    this.room(kinds.append, room);
    this.used = this.buffer.writeDoubleBE(first, this.used);
    this.used = this.buffer.writeDoubleBE(last, this.used);
    this.used = this.buffer.writeUInt32BE(bytes.length, this.used);
    this.copy(bytes);
  }

  private rewriteChange({ room, offset, body }: RewriteChange): void {
    this.reserve(17 + (body?.length ?? 0));
    this.room(body ? kinds.replace : kinds.cut, room);
    this.used = this.buffer.writeDoubleBE(offset, this.used);
    if (!body) return;
    this.used = this.buffer.writeUInt32BE(body.length, this.used);
    this.copy(body);
  }

  private room(kind: number, room: number): void {
    this.buffer[this.used++] = kind;
    this.used = this.buffer.writeUInt32BE(room, this.used);
  }

  private copy(bytes: Uint8Array): void {
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  private reserve(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, needed));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }
}

/** The changes of a batch. Keys, values and blocks are views of it. @throws RangeError, Error: it cannot be read. */
export function decodeBatch(batch: Buffer): Change[] {
  const changes: Change[] = [];
  let at = 0;
  while (at < batch.length) {
    const kind = batch.readUInt8(at);
    switch (kind) {
      case kinds.put:
      case kinds.remove: {
        const table = tableNames[batch.readUInt8(at + 1)];
        const keyEnd = at + 4 + batch.readUInt16BE(at + 2);
        const key = batch.subarray(at + 4, keyEnd);
        if (table === undefined) throw new Error("a batch names an unknown table");
        at = kind === kinds.put ? keyEnd + 4 + batch.readUInt32BE(keyEnd) : keyEnd;
        changes.push({ table, key, value: kind === kinds.put ? batch.subarray(keyEnd + 4, at) : undefined });
        break;
      }
      case kinds.append: {
        const [first, last] = [batch.readDoubleBE(at + 5), batch.readDoubleBE(at + 13)];
        const end = at + 25 + batch.readUInt32BE(at + 21);
        const block = { first, last, bytes: batch.subarray(at + 25, end) };
        changes.push({ room: batch.readUInt32BE(at + 1), block, dropTo: 0 });
        at = end;
        break;
      }
      case kinds.drop:
        changes.push({ room: batch.readUInt32BE(at + 1), block: undefined, dropTo: batch.readDoubleBE(at + 5) });
        at += 13;
        break;
      case kinds.replace: {
        const body = batch.subarray(at + 17, at + 17 + batch.readUInt32BE(at + 13));
        changes.push({ room: batch.readUInt32BE(at + 1), offset: batch.readDoubleBE(at + 5), body });
        at += 17 + body.length;
        break;
      }
      case kinds.cut:
        changes.push({ room: batch.readUInt32BE(at + 1), offset: batch.readDoubleBE(at + 5), body: undefined });
        at += 13;
        break;
      default:
        throw new Error("a batch has a change of an unknown kind");
    }
    if (at > batch.length) throw new Error("a batch is cut off");
  }
  return changes;
}
