/** Enough for some hundred messages; small enough that one of them may keep all of it from the garbage collector. */
const slabBytes = 16_384;

/** What is larger gets separate memory. */
const maxPieceBytes = 1_024;

let slab = new Uint8Array(slabBytes);
let used = 0;

/**
 * New bytes for one small encoded message, as a part of larger memory: to allocate each costs more than to write it. No
 * two pieces share bytes, and only the maker of one writes to it.
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
