import type { Random } from "@confab/contract/testing/random";

/** Bytes that sit at the edges of lengths, flags, UTF-8 and varints. */
const edges = [0x00, 0x01, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xf4, 0xfe, 0xff] as const;

/** No input grows past this by mutation, in bytes. */
const maxBytes = 4_096;

/** One to four changes to one of the inputs: what it takes to get past a first check and to break what comes after it. */
export function mutated(inputs: readonly Uint8Array[], random: Random): Uint8Array<ArrayBuffer> {
  let bytes = Array.from(oneOf(inputs, random));
  for (let changes = random.int(1, 4); changes > 0; changes--) bytes = changed(bytes, inputs, random);
  return Uint8Array.from(bytes.slice(0, maxBytes));
}

function changed(bytes: number[], inputs: readonly Uint8Array[], random: Random): number[] {
  const at = random.int(0, bytes.length);
  const end = Math.min(bytes.length, at + random.int(1, random.oneIn(4) ? 64 : 4));
  const put = (...replacement: number[]) => [...bytes.slice(0, at), ...replacement, ...bytes.slice(end)];
  const insert = (...added: number[]) => [...bytes.slice(0, at), ...added, ...bytes.slice(at)];
  switch (random.int(0, 8)) {
    case 0:
      return put(random.pick(edges));
    case 1:
      return put(...random.bytes(end - at));
    case 2:
      return put();
    case 3:
      return insert(...random.bytes(random.int(1, 4)));
    case 4:
      // A part of it once more.
      return insert(...bytes.slice(at, end));
    case 5:
      return bytes.slice(0, at);
    case 6:
      // The front of one and the end of another.
      return [...bytes.slice(0, at), ...tail(oneOf(inputs, random), random)];
    case 7:
      return insert(...Array.from({ length: random.int(1, 32) }, () => random.pick(edges)));
    default:
      return bytes.map((byte, index) => (index === at ? byte ^ (1 << random.int(0, 7)) : byte));
  }
}

function tail(bytes: Uint8Array, random: Random): number[] {
  return Array.from(bytes.subarray(random.int(0, bytes.length)));
}

function oneOf(inputs: readonly Uint8Array[], random: Random): Uint8Array {
  return inputs[random.int(0, inputs.length - 1)] ?? new Uint8Array(0);
}
