/** Chunks below this are copied together: a chunk costs some hundred bytes besides its content. */
const smallChunkBytes = 4096;

/** The least memory for chunks that are copied together. Most bodies are one small chunk, and many may wait. */
const firstTailBytes = 128;

/**
 * What came of a request's body while its listener had paused. The flow-control window bounds its bytes, and copying
 * small chunks together bounds the rest: a client may send a window's worth of bytes in frames of one byte each.
 */
export class HeldBody {
  readonly #chunks: Uint8Array[] = [];
  #tail: Uint8Array | undefined;
  #tailBytes = 0;

  bytes = 0;

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (chunk.length >= smallChunkBytes) {
      this.#sealTail();
      this.#chunks.push(chunk);
      return;
    }
    if (this.#tailBytes + chunk.length > smallChunkBytes) this.#sealTail();
    this.#tailFor(this.#tailBytes + chunk.length).set(chunk, this.#tailBytes);
    this.#tailBytes += chunk.length;
  }

  /** The tail, with room for so many bytes. It is doubled, so that chunks of a byte are not copied the square of their number. */
  #tailFor(bytes: number): Uint8Array {
    const tail = this.#tail;
    if (tail !== undefined && bytes <= tail.length) return tail;
    const larger = Buffer.allocUnsafe(Math.min(smallChunkBytes, Math.max(bytes, firstTailBytes, 2 * this.#tailBytes)));
    if (tail !== undefined) larger.set(tail.subarray(0, this.#tailBytes));
    this.#tail = larger;
    return larger;
  }

  /** The oldest bytes; they are the caller's. Undefined when there are none. */
  shift(): Uint8Array | undefined {
    if (this.#chunks.length === 0) this.#sealTail();
    const chunk = this.#chunks.shift();
    this.bytes -= chunk?.length ?? 0;
    return chunk;
  }

  #sealTail(): void {
    if (this.#tail !== undefined) this.#chunks.push(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = undefined;
    this.#tailBytes = 0;
  }
}
