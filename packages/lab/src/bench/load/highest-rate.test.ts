import assert from "node:assert/strict";
import { test } from "node:test";
import { searchHighest } from "./highest-rate.js";

/** A server that keeps every rate up to `limit`, and the rates that it was asked for. */
function serverWithLimit(limit: number, { othersCoreShare = 0, isDrained = true } = {}) {
  const tried: number[] = [];
  const tryRate = (rate: number) => {
    tried.push(rate);
    const isKept = rate <= limit;
    return Promise.resolve({
      isKept,
      isDrained: isKept || isDrained,
      p99Us: rate,
      serverCoreShare: 1,
      loadCoreShare: 0.5,
      othersCoreShare,
    });
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
  const { ratePerSecond, p99Us } = await searchHighest(tryRate);
  assert.deepEqual([ratePerSecond, p99Us, tried.length], [0, 31.25, 1]);
});

test("a server that keeps every rate is not asked beyond the ceiling", async () => {
  const { tryRate } = serverWithLimit(Number.POSITIVE_INFINITY);
  assert.equal((await searchHighest(tryRate)).ratePerSecond, 32_000);
});

test("a rate that was missed while others were busy is tried once more, and no rate otherwise", async () => {
  const busy = serverWithLimit(1, { othersCoreShare: 0.5 });
  assert.equal((await searchHighest(busy.tryRate)).othersCoreShare, 0.5);
  assert.equal(busy.tried.length, 2);
});

test("what a missed rate left behind is charged to no other rate", async () => {
  const { tryRate, tried } = serverWithLimit(300, { isDrained: false });
  assert.equal((await searchHighest(tryRate)).ratePerSecond, 250);
  assert.equal(tried.at(-1), 500);
});
