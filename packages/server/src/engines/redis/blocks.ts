import { createHash } from "node:crypto";
import type { LogEntry } from "../../core/index.js";
import { digestedBytes } from "./scripts/room-record.js";

/*
 * A block: the bodies of messages that were appended together, as one entry of the stream and one message of the bus.
 *
 *     (length u32, big-endian | body)*
 *
 * One entry for many messages is what makes Redis fast enough: a command in a script costs more than the bytes it stores.
 */

export function blockOf(bodies: readonly Uint8Array[]): Buffer {
  const block = Buffer.allocUnsafe(bodies.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const body of bodies) {
    at = block.writeUInt32BE(body.length, at);
    block.set(body, at);
    at += body.length;
  }
  return block;
}

/** The messages of a block, views of it. @throws Error: it is cut off. */
export function entriesOf(block: Buffer, firstOffset: number): LogEntry[] {
  const entries: LogEntry[] = [];
  let offset = firstOffset;
  for (let at = 0; at < block.length; ) {
    const end = at + 4 + block.readUInt32BE(at);
    if (end > block.length) throw new Error("a block is cut off");
    entries.push({ offset: offset++, body: block.subarray(at + 4, end) });
    at = end;
  }
  return entries;
}

/** As `digestOf` of scripts/room-record.ts. */
export function blockDigest(block: Buffer): string {
  const tail = block.subarray(Math.max(0, block.length - digestedBytes));
  return `${createHash("sha1").update(tail).digest("hex")}${block.length}`;
}
