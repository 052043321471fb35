/*
 * A block: the bodies of messages of one room that follow each other, as one piece.
 *
 *     (length u32, big-endian | body)*
 *
 * Both engines store messages in blocks: a key, a record or a command costs more than the bytes of a message.
 */

/** One message as the log keeps it. `body` is an encoded ChatMessage without its position (contract/chat-message-codec). */
export interface LogEntry {
  readonly offset: number;
  /** Never written to again. */
  readonly body: Uint8Array;
}

/** A run of a room's messages as a block. */
export interface Block {
  readonly first: number;
  /** The offset of its last message. */
  readonly last: number;
  readonly bytes: Uint8Array;
}

export function blockOf(bodies: readonly Uint8Array[]): Uint8Array {
  const block = new Uint8Array(bodies.reduce((sum, { length }) => sum + 4 + length, 0));
  let at = 0;
  for (const body of bodies) {
    const { length } = body;
    block[at] = length >>> 24;
    block[at + 1] = length >>> 16;
    block[at + 2] = length >>> 8;
    block[at + 3] = length;
    block.set(body, at + 4);
    at += 4 + length;
  }
  return block;
}

/** Where the message ends that begins at `at`. Past the end of the block: the block is cut off. */
export function messageEnd(block: Uint8Array, at: number): number {
  const low = ((block[at + 1] ?? 0) << 16) | ((block[at + 2] ?? 0) << 8) | (block[at + 3] ?? 0);
  return at + 4 + (block[at] ?? 0) * 0x100_0000 + low;
}

/** How many messages a block has. @throws Error: it is cut off. */
export function countIn(block: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < block.length; count++) {
    at = messageEnd(block, at);
    if (at > block.length) throw new Error("a block is cut off");
  }
  return count;
}

/** The messages of a block, views of it. @throws Error: it is cut off. */
export function entriesOf(block: Uint8Array, firstOffset: number): LogEntry[] {
  const entries: LogEntry[] = [];
  let offset = firstOffset;
  for (let at = 0; at < block.length; ) {
    const end = messageEnd(block, at);
    if (end > block.length) throw new Error("a block is cut off");
    entries.push({ offset: offset++, body: block.subarray(at + 4, end) });
    at = end;
  }
  return entries;
}
