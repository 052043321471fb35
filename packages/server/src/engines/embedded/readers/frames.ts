import { BatchEncoder, type Change } from "../wal/batch.js";

/*
 * What the owner of a log says to a process that reads it. Numbers are big-endian; `length` counts what follows it.
 *
 *     (length u32 | kind u8 | content)*
 *
 *     hello      protocol u32 | format u32 | epoch u32
 *     held       changes                                a part of what is durable and not in LMDB
 *     taken                                             what was said until now is being stored in LMDB
 *     ready      sequence f64                           that was all of it, up to this record
 *     batch      sequence f64 | changes                 the record with this number is durable
 *     stored                                            what was taken is in LMDB
 *     beat                                              the owner is alive
 *     reached    question u32                           all that was durable when the question came was said before this
 *     refused    text                                   the connection ends
 *
 * Changes are written as in a record of the write-ahead log (wal/batch.ts), without ids: only the owner looks them up.
 * What a reader says:
 *
 *     ask        question u32
 */
export const kinds = {
  hello: 1,
  held: 2,
  taken: 3,
  ready: 4,
  batch: 5,
  stored: 6,
  beat: 7,
  reached: 8,
  refused: 9,
  ask: 16,
} as const;

/** Begins with "clog": another program's bytes are not taken for it. Raised with every change of these frames. */
export const protocolVersion = 0x636c_6f01;

/** The longest frame, in bytes. A record that is longer is told as a part of a new beginning. */
export const maxFrameBytes = 67_108_864;

const headBytes = 5;

/** One frame, in separate memory. */
export function frameOf(kind: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const frame = Buffer.allocUnsafe(headBytes + length);
  frame.writeUInt32BE(1 + length, 0);
  frame[4] = kind;
  let at = headBytes;
  for (const part of parts) {
    frame.set(part, at);
    at += part.length;
  }
  return frame;
}

export function numberFrame(kind: number, ...numbers: readonly number[]): Buffer {
  const content = Buffer.allocUnsafe(4 * numbers.length);
  for (const [index, number] of numbers.entries()) content.writeUInt32BE(number, 4 * index);
  return frameOf(kind, content);
}

export function sequenceFrame(kind: number, sequence: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(sequence);
  return frameOf(kind, bytes, ...parts);
}

/** What is told at the beginning is cut into frames of about this many bytes. */
const heldFrameBytes = 262_144;

/** What a change takes beside its key, value or block, in bytes, at the most. */
const changeHeadBytes = 25;

/** Changes as frames, each made when it is asked for. */
export function* heldFrames(changes: readonly Change[]): Generator<Buffer> {
  const encoder = new BatchEncoder();
  for (let from = 0; from < changes.length; ) {
    let to = from;
    for (let bytes = 0; to < changes.length && bytes < heldFrameBytes; to++) bytes += bytesOf(changes[to]);
    yield frameOf(kinds.held, encoder.encode(changes.slice(from, to)));
    from = to;
  }
}

function bytesOf(change: Change | undefined): number {
  if (!change) return 0;
  if ("key" in change) return changeHeadBytes + change.key.length + (change.value?.length ?? 0);
  return changeHeadBytes + (("offset" in change ? change.body : change.block?.bytes)?.length ?? 0);
}

/** Takes a stream of bytes apart. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private bytes = 0;
  /** How many bytes must be there before there is anything to do. */
  private needed = headBytes;

  /** `content` is a view of what was pushed, and `maxBytes` the most that a frame may have. */
  constructor(
    private readonly maxBytes: number,
    private readonly onFrame: (kind: number, content: Buffer) => void,
  ) {}

  /** @throws Error: a frame is too long, and what `onFrame` throws. Nothing must be pushed after that. */
  push(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    if (this.bytes < this.needed) return;
    const bytes = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
    let at = 0;
    for (this.needed = headBytes; bytes.length - at >= this.needed; this.needed = headBytes) {
      const length = bytes.readUInt32BE(at);
      if (length < 1 || length > this.maxBytes)
        throw new Error(`a frame has ${length} bytes; it must have 1 to ${this.maxBytes}`);
      this.needed = 4 + length;
      if (bytes.length - at < this.needed) break;
      const frame = bytes.subarray(at, at + this.needed);
      at += this.needed;
      this.onFrame(frame[4] ?? 0, frame.subarray(headBytes));
    }
    const rest = bytes.subarray(at);
    this.chunks = rest.length > 0 ? [rest] : [];
    this.bytes = rest.length;
  }
}
