/** Below this many bytes the word view costs more than it saves; found by measuring. */
const wordwiseFromBytes = 48;

/**
 * Take the mask off `bytes[start, end)`, in place (RFC 6455 §5.3).
 *
 * `key` holds the four key bytes in the order they came, the first in the highest byte; `phase` says which of them (0..3) meets
 * the byte at `start`, for a payload that arrives in pieces.
 */
export function unmask(bytes: Uint8Array, range: { start: number; end: number }, key: number, phase: number): void {
  // Some clients send a zero key, since masking protects proxies and not them.
  if (key === 0) return;
  const { start, end } = range;
  if (end - start < wordwiseFromBytes) {
    unmaskBytes(bytes, start, end, rotated(key, phase));
    return;
  }
  // Words must be aligned in the underlying buffer, and a chunk may begin anywhere in it.
  const misalignedBytes = (bytes.byteOffset + start) & 3;
  const wordsStart = misalignedBytes === 0 ? start : start + 4 - misalignedBytes;
  const wordCount = (end - wordsStart) >> 2;
  const wordsEnd = wordsStart + wordCount * 4;
  const bodyKey = rotated(key, phase + wordsStart - start);
  unmaskBytes(bytes, start, wordsStart, rotated(key, phase));
  unmaskWords(new Int32Array(bytes.buffer, bytes.byteOffset + wordsStart, wordCount), inMemoryOrder(bodyKey));
  unmaskBytes(bytes, wordsEnd, end, bodyKey);
}

// An index inside the bounds is always a number here; `as` spares a check per byte that the loop condition has made.
function unmaskBytes(bytes: Uint8Array, start: number, end: number, key: number): void {
  for (let i = start, shift = 24; i < end; i++, shift = (shift - 8) & 31) {
    bytes[i] = (bytes[i] as number) ^ (key >>> shift);
  }
}

function unmaskWords(words: Int32Array, key: number): void {
  for (let i = 0; i < words.length; i++) words[i] = (words[i] as number) ^ key;
}

/** The key as it looks from `phase` bytes further on. */
function rotated(key: number, phase: number): number {
  const bits = (phase & 3) * 8;
  return bits === 0 ? key : (key << bits) | (key >>> (32 - bits));
}

const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** The key as one word of this machine's memory: its first byte lies lowest. */
function inMemoryOrder(key: number): number {
  if (!isLittleEndian) return key | 0;
  return (key << 24) | ((key & 0xff00) << 8) | ((key >>> 8) & 0xff00) | (key >>> 24);
}
