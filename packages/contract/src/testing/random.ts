/** A source of random values that gives the same ones for the same seed (mulberry32), so that a failed run can be repeated. */
export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed;
  }

  /** 0..1, without 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, `min`..`max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True one time in `times`. */
  oneIn(times: number): boolean {
    return this.next() * times < 1;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.int(0, choices.length - 1)] ?? choices[0];
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.int(0, 255));
  }

  /** Well-formed text of `length` characters (code points), from ASCII to beyond the basic plane. */
  text(length: number): string {
    const ranges: readonly [readonly [number, number], ...(readonly [number, number])[]] = [
      [0x20, 0x7e],
      [0x00, 0x1f],
      [0x80, 0x7ff],
      [0x800, 0xd7ff],
      [0xe000, 0xffff],
      [0x1_0000, 0x10_ffff],
    ];
    // Mostly one kind of character in a text, as in life, so that the short ways for ASCII are taken too.
    const kind = this.pick(ranges);
    let text = "";
    for (let i = 0; i < length; i++) {
      const [from, to] = this.oneIn(8) ? this.pick(ranges) : kind;
      text += String.fromCodePoint(this.int(from, to));
    }
    return text;
  }

  /** `bytes` in one or several pieces. */
  chunks(bytes: Uint8Array, maxChunkBytes: number): Uint8Array[] {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = this.int(1, maxChunkBytes);
      chunks.push(bytes.subarray(at, at + length));
      at += length;
    }
    return chunks;
  }
}

/** Run a property for many seeds; a failure names the seed, `forEachSeed(1, …, seed)` repeats it. */
export function forEachSeed(runs: number, property: (random: Random) => void, firstSeed = 1): void {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    try {
      property(new Random(seed));
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}
