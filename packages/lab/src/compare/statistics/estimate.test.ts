import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareEstimates, confidenceOfRounds, type Estimate, estimateOf } from "./estimate.js";

function estimated(rounds: readonly number[]): Estimate {
  return estimateOf(rounds) ?? assert.fail("no rounds");
}

/** Rounds as a shared machine gives them: around `middle`, each a few per cent off, now and then one far off. */
function noisyRounds(middle: number, count: number, random: () => number): number[] {
  return Array.from({ length: count }, () => {
    const hiccup = random() < 0.1 ? 1 + random() : 1;
    return middle * (0.92 + 0.16 * random()) * hiccup;
  });
}

/** A sequence that is the same in every run: no test may depend on luck. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe("an estimate", () => {
  it("is the median, within the smallest and the largest of up to seven rounds", () => {
    assert.deepEqual(estimateOf([5, 1, 9, 3, 7]), { value: 5, low: 1, high: 9, rounds: 5 });
    assert.deepEqual(estimateOf([1, 2, 3, 4, 5, 6, 7]), { value: 4, low: 1, high: 7, rounds: 7 });
  });

  it("leaves one outlier on each side out from nine rounds on", () => {
    assert.deepEqual(estimateOf([1, 2, 3, 4, 5, 6, 7, 8, 900]), { value: 5, low: 2, high: 8, rounds: 9 });
  });

  it("tells how sure its interval is", () => {
    assert.deepEqual([1, 2, 4, 5, 9].map(confidenceOfRounds), [0, 0.5, 0.875, 0.9375, 0.9609375]);
  });

  it("of no rounds is none", () => {
    assert.equal(estimateOf([]), undefined);
  });
});

describe("the rule for ties", () => {
  it("says that two estimates differ when their intervals are apart", () => {
    const fast = estimated([10, 11, 12, 11, 10]);
    const slow = estimated([20, 21, 19, 22, 20]);
    assert.equal(compareEstimates(fast, slow), "lower");
    assert.equal(compareEstimates(slow, fast), "higher");
  });

  it("says tie when the intervals touch, however far apart the medians are", () => {
    assert.equal(compareEstimates(estimated([10, 10, 10, 10, 30]), estimated([30, 40, 40, 40, 40])), "tie");
  });

  it("says tie below the least difference, however narrow the intervals are", () => {
    assert.equal(compareEstimates(estimated([100, 100, 100, 100]), estimated([104, 104, 104, 104])), "tie");
    assert.equal(compareEstimates(estimated([100, 100, 100, 100]), estimated([106, 106, 106, 106])), "lower");
  });

  it("says nothing, and no tie either, when there are too few rounds to know", () => {
    assert.equal(compareEstimates(estimated([1, 1, 1]), estimated([9, 9, 9])), "unknown");
    assert.equal(compareEstimates(estimated([1, 1, 1]), estimated([1, 1, 1, 1, 1])), "unknown");
  });

  it("says tie where a search without an upper end may reach the other", () => {
    const open = { ...estimated([100, 100, 100, 100]), isOpen: true };
    assert.equal(compareEstimates(open, estimated([900, 900, 900, 900])), "tie");
    assert.equal(compareEstimates(open, estimated([50, 50, 50, 50])), "higher");
  });

  it("finds 10 ms that were added on purpose, in every one of a thousand comparisons", () => {
    const random = seededRandom(11);
    for (let run = 0; run < 1_000; run += 1) {
      const plain = estimated(noisyRounds(1_000, 5, random));
      const slowed = estimated(noisyRounds(1_000, 5, random).map((us) => us + 10_000));
      assert.equal(compareEstimates(plain, slowed), "lower");
    }
  });

  for (const rounds of [5, 9]) {
    it(`calls A and A a tie in 98 of 100 comparisons with ${rounds} rounds`, () => {
      const random = seededRandom(7);
      let ties = 0;
      for (let run = 0; run < 1_000; run += 1) {
        const [a, b] = [estimated(noisyRounds(1_000, rounds, random)), estimated(noisyRounds(1_000, rounds, random))];
        if (compareEstimates(a, b) === "tie") ties += 1;
      }
      assert.ok(ties >= 980, `${ties} of 1000 were ties`);
    });
  }

  for (const [rounds, atMost] of [
    [5, 100],
    [9, 60],
  ] as const) {
    it(`among eight that are alike calls one worse than the best in fewer than ${atMost / 10} of 100 figures with ${rounds} rounds`, () => {
      const random = seededRandom(5);
      let wrong = 0;
      for (let run = 0; run < 1_000; run += 1) {
        const eight = Array.from({ length: 8 }, () => estimated(noisyRounds(1_000, rounds, random)));
        const best = eight.toSorted((a, b) => a.value - b.value)[0] ?? assert.fail();
        if (eight.some((each) => compareEstimates(best, each) === "lower")) wrong += 1;
      }
      assert.ok(wrong > 0 && wrong < atMost, `${wrong} of 1000`);
    });
  }
});
