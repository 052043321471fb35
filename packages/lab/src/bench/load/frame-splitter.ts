/**
 * Says how long the frame is that begins at `at`, its header included, looking no further than `end`; -1 while too
 * little of its header is there.
 */
export type FrameLength = (bytes: Buffer, at: number, end: number) => number;

/** One whole frame at `bytes[start, end)`. The bytes belong to the reader: valid during the call only. */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void;

/** More than any frame here: a length beyond it means that the reader lost its place in the stream. */
const maxFrameBytes = 64 * 1024 * 1024;

/**
 * Cuts a byte stream into frames without copying them; only the torn frame at the end of a read is kept. A load program
 * has one processor core for a million frames a second, so this makes no object per frame.
 */
export class FrameSplitter {
  readonly #frameLength: FrameLength;
  readonly #onFrame: OnFrame;
  /** The torn frame's pieces, and how many bytes must be there before it is worth looking at them again. */
  #torn: Buffer[] = [];
  #tornBytes = 0;
  #wantedBytes = 0;

  constructor(frameLength: FrameLength, onFrame: OnFrame) {
    this.#frameLength = frameLength;
    this.#onFrame = onFrame;
  }

  /** Take the first `length` bytes; the buffer may be reused as soon as the call is over. */
  push(read: Buffer, length: number): void {
    if (this.#tornBytes === 0) return this.#take(read, length);
    if (this.#tornBytes + length < this.#wantedBytes) return this.#keep(read, 0, length);
    const bytes = Buffer.concat([...this.#torn, read.subarray(0, length)]);
    this.#torn = [];
    this.#tornBytes = 0;
    return this.#take(bytes, bytes.length);
  }

  #take(bytes: Buffer, end: number): void {
    let at = 0;
    while (at < end) {
      const frameBytes = this.#frameLength(bytes, at, end);
      if (frameBytes > maxFrameBytes) throw new Error(`a frame of ${frameBytes} bytes: the reader lost its place`);
      if (frameBytes === -1 || at + frameBytes > end) {
        this.#wantedBytes = frameBytes;
        return this.#keep(bytes, at, end);
      }
      this.#onFrame(bytes, at, at + frameBytes);
      at += frameBytes;
    }
  }

  /** A frame of megabytes comes with many reads, and is put together once. */
  #keep(bytes: Buffer, start: number, end: number): void {
    this.#torn.push(Buffer.from(bytes.subarray(start, end)));
    this.#tornBytes += end - start;
  }
}
