import { opcode } from "../opcode.js";

/** A client's frame, right or wrong, for tests. */
export interface ClientFrameSpec {
  readonly kind: number;
  readonly payload?: Uint8Array | string;
  /** Default true. */
  readonly isFinal?: boolean;
  /** RSV1..3 as a number 0..7. Default 0. */
  readonly reservedBits?: number;
  /** Four bytes; null: no mask at all, which clients may not do. Default: an arbitrary one. */
  readonly mask?: readonly [number, number, number, number] | null;
  /** What the header says, if not the payload's real length. */
  readonly announcedBytes?: number;
  /** Bytes of the extended length: 0, 2 or 8. Default: as few as do. */
  readonly lengthBytes?: 0 | 2 | 8;
}

const arbitraryMask = [0x9d, 0x02, 0xfe, 0x71] as const;

/** Encode a client's frame byte by byte, on purpose without anything that the code under test uses. */
export function clientFrame(spec: ClientFrameSpec): Buffer {
  const payload = typeof spec.payload === "string" ? Buffer.from(spec.payload) : Buffer.from(spec.payload ?? []);
  const length = spec.announcedBytes ?? payload.length;
  const lengthBytes = spec.lengthBytes ?? (length <= 125 ? 0 : length <= 0xffff ? 2 : 8);
  const mask = spec.mask === undefined ? arbitraryMask : spec.mask;
  const first = ((spec.isFinal ?? true) ? 0x80 : 0) | ((spec.reservedBits ?? 0) << 4) | spec.kind;
  const second = (mask === null ? 0 : 0x80) | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  const extended = Array.from(
    { length: lengthBytes },
    (_, i) => Math.floor(length / 256 ** (lengthBytes - 1 - i)) % 256,
  );
  const masked = payload.map((byte, i) => byte ^ (mask?.[i % 4] ?? 0));
  return Buffer.concat([Buffer.from([first, second, ...extended, ...(mask ?? [])]), masked]);
}

export const textFrame = (payload: string) => clientFrame({ kind: opcode.text, payload });

/** A close frame; without a code an empty one. */
export function clientCloseFrame(code?: number, reason: Uint8Array | string = ""): Buffer {
  const payload = code === undefined ? [] : [code >> 8, code & 0xff, ...Buffer.from(reason)];
  return clientFrame({ kind: opcode.close, payload: Buffer.from(payload) });
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
