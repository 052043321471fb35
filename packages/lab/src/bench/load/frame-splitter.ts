/**
 * Says how long the frame is that begins at `at`, its header included, looking no further than `end`; -1 while too
 * little of its header is there.
 */
export type FrameLength = (bytes: Buffer, at: number, end: number) => number;

/** One whole frame at `bytes[start, end)`. The bytes belong to the reader: valid during the call only. */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void;

/** More than any frame here: a length beyond it means that the reader lost its place in the stream. */
const maxFrameBytes = 16 * 1024 * 1024;

/**
 * Cuts a byte stream into frames without copying them; only the torn frame at the end of a read is kept. A load program
 * has one processor core for a million frames a second, so this makes no object per frame.
 */
export class FrameSplitter {
  readonly #frameLength: FrameLength;
  readonly #onFrame: OnFrame;
  #torn: Buffer | undefined;

  constructor(frameLength: FrameLength, onFrame: OnFrame) {
    this.#frameLength = frameLength;
    this.#onFrame = onFrame;
  }

  /** Take the first `length` bytes; the buffer may be reused as soon as the call is over. */
  push(read: Buffer, length: number): void {
    const bytes = this.#torn === undefined ? read : Buffer.concat([this.#torn, read.subarray(0, length)]);
    const end = this.#torn === undefined ? length : bytes.length;
    let at = 0;
    while (at < end) {
      const frameBytes = this.#frameLength(bytes, at, end);
      if (frameBytes > maxFrameBytes) throw new Error(`a frame of ${frameBytes} bytes: the reader lost its place`);
      if (frameBytes === -1 || at + frameBytes > end) break;
      this.#onFrame(bytes, at, at + frameBytes);
      at += frameBytes;
    }
    this.#torn = at === end ? undefined : Buffer.from(bytes.subarray(at, end));
  }
}
