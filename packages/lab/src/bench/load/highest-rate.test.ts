import assert from "node:assert/strict";
import { test } from "node:test";
import { searchHighest } from "./highest-rate.js";

/** A server that keeps every rate up to `limit`, and how often it was asked. */
function serverWithLimit(limit: number) {
  const tried: number[] = [];
  const tryRate = (rate: number) => {
    tried.push(rate);
    return Promise.resolve({ isKept: rate <= limit, p99Us: rate, serverCoreShare: 1, loadCoreShare: 0.5 });
  };
  return { tried, tryRate };
}

for (const limit of [32, 300, 1_111, 4_700, 9_999]) {
  test(`a limit of ${limit}/s is found to within a step of 10 %, and never exceeded`, async () => {
    const { tryRate, tried } = serverWithLimit(limit);
    const { ratePerSecond, p99Us } = await searchHighest(tryRate);
    assert.ok(ratePerSecond <= limit && ratePerSecond > limit / 1.1, `${ratePerSecond}`);
    assert.equal(p99Us, ratePerSecond);
    assert.ok(tried.length <= 14);
  });
}

test("a server that does not keep the lowest rate has none, and is not asked again", async () => {
  const { tryRate, tried } = serverWithLimit(1);
  assert.equal((await searchHighest(tryRate)).ratePerSecond, 0);
  assert.equal(tried.length, 1);
});

test("a server that keeps every rate is not asked beyond the ceiling", async () => {
  const { tryRate } = serverWithLimit(Number.POSITIVE_INFINITY);
  assert.equal((await searchHighest(tryRate)).ratePerSecond, 32_000);
});
