/** Small enough that a slow socket that pins one by a few bytes costs little, large enough for about 150 replies. */
const slabBytes = 16_384;

/**
 * Hands out room for small outgoing pieces from larger buffers, one after the other: an allocation per 16 KiB instead of
 * one per frame, and frames of one connection that follow each other lie in one piece.
 *
 * Room is never taken back: a socket may still hold it. The garbage collector frees a slab with its last piece.
 */
export class Slab {
  bytes: Buffer = Buffer.allocUnsafeSlow(slabBytes);
  used = 0;

  /** Make sure that `count` bytes are free from `used` on in `bytes`, which may be another buffer afterwards. */
  reserve(count: number): void {
    if (this.used + count <= this.bytes.length) return;
    this.bytes = Buffer.allocUnsafeSlow(Math.max(slabBytes, count));
    this.used = 0;
  }
}

/** Shared by all connections: which of them writes next is not known, and a slab each would cost idle ones memory. */
export const sharedSlab = new Slab();
