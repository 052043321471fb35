import assert from "node:assert/strict";
import { test } from "node:test";
import { limits, limitsWith } from "./limits.js";

for (const [name, { fallback, min, max, meaning }] of Object.entries(limits)) {
  test(`${name} has a default within its range, a unit as its last word or a count, and a meaning`, () => {
    assert.ok(Number.isSafeInteger(min) && Number.isSafeInteger(max) && Number.isSafeInteger(fallback));
    // 0 is a limit only where it says what it means.
    assert.ok((meaning.includes("; 0: ") ? 0 : 1) <= min && min <= fallback && fallback <= max);
    assert.match(name, /^(max[A-Z][A-Za-z]+|[a-z][A-Za-z]+Ms)$/);
    assert.match(meaning, /^[A-Z].+[^.]$/);
  });
}

test("limitsWith is every default, with what is overridden on top", () => {
  const all = limitsWith({ maxRooms: 3 });
  assert.deepEqual(Object.keys(all), Object.keys(limits));
  assert.equal(all.maxRooms, 3);
  assert.equal(all.maxMessageBytes, limits.maxMessageBytes.fallback);
});

// A larger batch was refused for ever, with OVERLOADED, which says "later".
test("what may wait for the log is at least one batch of any configuration", () => {
  assert.ok(limits.maxPendingSends.min >= limits.maxBatchMessages.max);
  assert.ok(limits.maxPendingSendBytes.min >= limits.maxMessageBytes.max);
});
