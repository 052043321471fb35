/**
 * What a chunk takes besides its content, in bytes: about 350 were measured for one of 30 bytes. Without it a stream could hold
 * twelve times its bound in small replies.
 */
export const chunkOverheadBytes = 256;

/** Body bytes of one stream that wait for a window or for the socket. Chunks are kept by reference, never copied. */
export class SendQueue {
  /** All that waits, in bytes. */
  bytes = 0;
  /** How much of `head` has been sent already. */
  headOffset = 0;
  #chunks: (Uint8Array | undefined)[] = [];
  #first = 0;

  /** What they take while they wait, in bytes. */
  get heldBytes(): number {
    return this.bytes + (this.#chunks.length - this.#first) * chunkOverheadBytes;
  }

  /** The chunk to send next, from `headOffset` on; only while `bytes` is not 0. */
  get head(): Uint8Array {
    return this.#chunks[this.#first] as Uint8Array;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** `count` bytes of `head` have been sent. */
  advance(count: number): void {
    this.bytes -= count;
    this.headOffset += count;
    if (this.headOffset < this.head.length) return;
    this.#chunks[this.#first] = undefined;
    this.#first += 1;
    this.headOffset = 0;
    if (this.#first > 32 && this.#first * 2 > this.#chunks.length) {
      this.#chunks = this.#chunks.slice(this.#first);
      this.#first = 0;
    }
  }
}
