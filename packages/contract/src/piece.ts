/** Enough for some hundred messages; small enough that one of them may keep all of it from the garbage collector. */
const slabBytes = 16_384;

/** What is larger has memory of its own. */
const maxPieceBytes = 1_024;

let slab = new Uint8Array(slabBytes);
let used = 0;

/**
 * New bytes for one small encoded message, out of larger memory: to allocate memory for each costs more than to write it. No
 * two pieces share bytes, and nobody writes to one after its maker.
 */
export function pieceOf(length: number): Uint8Array<ArrayBuffer> {
  if (length > maxPieceBytes) return new Uint8Array(length);
  if (used + length > slabBytes) {
    slab = new Uint8Array(slabBytes);
    used = 0;
  }
  const piece = new Uint8Array(slab.buffer, used, length);
  used += length;
  return piece;
}
