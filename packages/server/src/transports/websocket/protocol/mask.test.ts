import assert from "node:assert/strict";
import { test } from "node:test";
import { unmask } from "./mask.js";
import { seededRandom } from "./testing/client-frame.js";

const keyBytes = [0xf1, 0x82, 0x03, 0x74] as const;
const key = keyBytes.reduce((word, byte) => (word << 8) | byte, 0);

test("every alignment, length and phase gives what byte by byte gives, and touches nothing outside the range", () => {
  const random = seededRandom(1);
  for (const offsetInMemory of [0, 1, 2, 3]) {
    for (const start of [0, 1, 2, 3, 5]) {
      for (const length of [0, 1, 3, 4, 7, 47, 48, 49, 50, 51, 52, 255]) {
        for (const phase of [0, 1, 2, 3, 6, 65_537]) {
          const memory = new Uint8Array(400).map(() => random() * 256);
          const bytes = memory.subarray(offsetInMemory);
          const expected = bytes.map((byte, i) => {
            const isInside = i >= start && i < start + length;
            return isInside ? byte ^ (keyBytes[(phase + i - start) % 4] ?? 0) : byte;
          });
          unmask(bytes, { start, end: start + length }, key, phase);
          assert.deepEqual(
            bytes,
            expected,
            `memory ${offsetInMemory}, start ${start}, length ${length}, phase ${phase}`,
          );
        }
      }
    }
  }
});
