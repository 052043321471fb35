import { ConnectionError, clientPreface, ErrorCode, frameHeaderBytes, readUint31 } from "./frame.js";

/** Takes the frames of one connection, in order. The payload is `bytes[start..end)`, valid for as long as it is kept:
 *  nobody writes to it again. Whatever it throws passes through `FrameReader.push`. */
export interface FrameSink {
  frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** False when no more frames are wanted: what is left of the input is dropped. */
  readonly isReading: boolean;
}

/**
 * Cuts a connection's bytes into frames. Knows no sockets and no streams.
 *
 * A frame that lies within one chunk is handed over where it lies; only one that spans chunks is copied together. It is
 * copied as it comes: a length that the peer announced is never allocated before the bytes are here, and is at most
 * `maxFrameBytes`.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxFrameBytes: number;
  #prefaceBytes = 0;
  /** The beginning of a frame whose rest has not come: `#held[0..#heldBytes)`. */
  #held: Buffer = noBytes;
  #heldBytes = 0;

  constructor(sink: FrameSink, maxFrameBytes: number) {
    this.#sink = sink;
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** @throws ConnectionError PROTOCOL_ERROR without the preface, FRAME_SIZE_ERROR for a frame over the limit. */
  push(chunk: Buffer): void {
    let at = this.#prefaceBytes < clientPreface.length ? this.#takePreface(chunk) : 0;
    if (this.#heldBytes > 0) at = this.#completeHeld(chunk, at);
    const length = chunk.length;
    while (at + frameHeaderBytes <= length) {
      if (!this.#sink.isReading) return;
      const end = at + frameHeaderBytes + this.#payloadBytes(chunk, at);
      if (end > length) break;
      this.#deliver(chunk, at, end);
      at = end;
    }
    if (at < length) this.#hold(chunk, at, length);
  }

  #takePreface(chunk: Buffer): number {
    const count = Math.min(chunk.length, clientPreface.length - this.#prefaceBytes);
    for (let at = 0; at < count; at += 1) {
      if (chunk[at] !== clientPreface[this.#prefaceBytes + at]) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "the connection preface is not HTTP/2's");
      }
    }
    this.#prefaceBytes += count;
    return count;
  }

  /** Add to the held frame until it is complete; returns where the chunk goes on. */
  #completeHeld(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#heldBytes < frameHeaderBytes) {
      const take = Math.min(frameHeaderBytes - this.#heldBytes, chunk.length - at);
      this.#hold(chunk, at, at + take);
      at += take;
      if (this.#heldBytes < frameHeaderBytes) return at;
    }
    const frameBytes = frameHeaderBytes + this.#payloadBytes(this.#held, 0);
    const take = Math.min(frameBytes - this.#heldBytes, chunk.length - at);
    this.#hold(chunk, at, at + take);
    at += take;
    if (this.#heldBytes < frameBytes) return at;
    const frame = this.#held;
    this.#held = noBytes;
    this.#heldBytes = 0;
    if (this.#sink.isReading) this.#deliver(frame, 0, frameBytes);
    return at;
  }

  #hold(chunk: Buffer, start: number, end: number): void {
    const needed = this.#heldBytes + end - start;
    if (needed > this.#held.length) {
      // Doubled, so that a peer that sends a byte at a time cannot make us copy the square of what it sends.
      const larger = Buffer.allocUnsafeSlow(
        Math.max(needed, Math.min(needed * 2, frameHeaderBytes + this.#maxFrameBytes)),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = needed;
  }

  #payloadBytes(bytes: Buffer, at: number): number {
    const length = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length > this.#maxFrameBytes) {
      throw new ConnectionError(
        ErrorCode.FRAME_SIZE_ERROR,
        `a frame of ${length} bytes; ${this.#maxFrameBytes} is the limit`,
      );
    }
    return length;
  }

  #deliver(bytes: Buffer, at: number, end: number): void {
    this.#sink.frame(
      bytes[at + 3] as number,
      bytes[at + 4] as number,
      readUint31(bytes, at + 5),
      bytes,
      at + frameHeaderBytes,
      end,
    );
  }
}

const noBytes: Buffer = Buffer.alloc(0);
