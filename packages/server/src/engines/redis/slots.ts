/** Slots of a Redis Cluster (Redis Cluster specification, "Key distribution model"). */
export const slotCount = 16_384;

/** CRC16 of XMODEM, as the specification gives it: polynomial 0x1021, nothing reflected, nothing inverted. */
const crcOfByte = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key or of a sharded channel: by its hash tag, where it has one. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  // An empty tag is none.
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = crcAfter(crc, byte);
  return crc % slotCount;
}

/** A hash tag that begins with `stem` (ASCII, no braces) and is in one of the slots; undefined if there is none. */
export function tagIn(isHere: (slot: number) => boolean, stem: string): string | undefined {
  let crcOfStem = 0;
  for (const byte of Buffer.from(stem)) crcOfStem = crcAfter(crcOfStem, byte);
  // With one slot of 16,384 this finds a tag with a probability of 1 - e^-61, after some 16,384 attempts of 0.1 µs.
  for (let number = 0; number < 1_000_000; number++) {
    const digits = String(number);
    let crc = crcOfStem;
    for (let at = 0; at < digits.length; at++) crc = crcAfter(crc, digits.charCodeAt(at));
    if (isHere(crc % slotCount)) return `${stem}${digits}`;
  }
  return undefined;
}

function crcAfter(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (crcOfByte[(crc >> 8) ^ byte] ?? 0);
}
