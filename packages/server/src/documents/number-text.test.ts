import assert from "node:assert/strict";
import { test } from "node:test";
import { digitsUpTo } from "./number-text.js";

for (const max of [0, 1, 5, 9, 10, 19, 99, 100, 101, 999, 1_000, 1_234]) {
  test(`a number as text is at most ${max}`, () => {
    const pattern = new RegExp(digitsUpTo(BigInt(max)));
    for (let number = 0; number <= 12_000; number++) {
      assert.equal(pattern.test(String(number)), number <= max, String(number));
      assert.equal(pattern.test(`00${number}`), number <= max, `00${number}`);
    }
    for (const text of ["", "-1", "1.0", " 1", "x"]) assert.equal(pattern.test(text), false, text);
  });
}

test("a number of 64 bits as text is bounded to the last digit", () => {
  const pattern = new RegExp(digitsUpTo(2n ** 64n - 1n));
  for (const offset of [-1n, 0n]) assert.ok(pattern.test(String(2n ** 64n - 1n + offset)));
  for (const offset of [1n, 10n, 10n ** 19n]) assert.ok(!pattern.test(String(2n ** 64n - 1n + offset)));
});
