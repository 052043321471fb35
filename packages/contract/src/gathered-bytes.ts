/** The same bytes. A small part of a larger buffer is copied, because it would keep the whole buffer in memory. */
export function keptBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength > 2 * bytes.length ? new Uint8Array(bytes) : bytes;
}

/**
 * Bytes that come in pieces and are wanted as one array.
 *
 * One buffer and not a list of pieces: a peer that sends byte by byte would make the list longer than the bytes, and each
 * look at its front dearer. What is held grows with what has come, to at most twice that.
 */
export class GatheredBytes {
  private buffer: Uint8Array = noBytes;
  private count = 0;

  get length(): number {
    return this.count;
  }

  /**
   * The piece is theirs now. The first one is kept as it is, unless it is a small part of a larger buffer. `maxLength`: what
   * they can be at the most in the end.
   */
  push(piece: Uint8Array, maxLength: number): void {
    if (piece.length === 0) return;
    const total = this.count + piece.length;
    if (this.count === 0) {
      this.buffer = keptBytes(piece);
    } else {
      // Also leaves a first piece alone: it is exactly as long as what is held of it.
      if (total > this.buffer.length) {
        const grown = new Uint8Array(Math.max(total, Math.min(maxLength, 2 * total)));
        grown.set(this.buffer.subarray(0, this.count));
        this.buffer = grown;
      }
      this.buffer.set(piece, this.count);
    }
    this.count = total;
  }

  /** All of them, which are the caller's then. */
  take(): Uint8Array {
    const whole = this.buffer.length === this.count ? this.buffer : this.buffer.subarray(0, this.count);
    this.buffer = noBytes;
    this.count = 0;
    return whole;
  }
}

const noBytes = new Uint8Array(0);
