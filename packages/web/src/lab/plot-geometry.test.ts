import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { axisAround, dotsPath, medianPath, placeOf, plotField, shareOf, ticksOf } from "./plot-geometry.js";

describe("the axis of latencies", () => {
  it("has whole decades around what was measured, one at least", () => {
    assert.deepEqual(axisAround(2, 3), { minMs: 1, maxMs: 10 });
    assert.deepEqual(axisAround(0.4, 230), { minMs: 0.1, maxMs: 1_000 });
    assert.deepEqual(axisAround(10, 10), { minMs: 10, maxMs: 100 });
  });

  it("is there before anything is measured, or of a clock that showed no time at all", () => {
    assert.deepEqual(axisAround(Number.POSITIVE_INFINITY, 0), { minMs: 1, maxMs: 10 });
    assert.deepEqual(axisAround(0, 5), { minMs: 1, maxMs: 10 });
  });

  it("has more ticks the fewer decades it has", () => {
    assert.deepEqual(ticksOf({ minMs: 1, maxMs: 10 }), [1, 2, 5, 10]);
    assert.deepEqual(ticksOf({ minMs: 0.1, maxMs: 10 }), [0.1, 0.3, 1, 3, 10]);
    assert.deepEqual(ticksOf({ minMs: 0.1, maxMs: 1_000 }), [0.1, 1, 10, 100, 1_000]);
  });

  it("places its ends at the ends of the field, its middle by ratio, and holds what is beyond", () => {
    const axis = { minMs: 1, maxMs: 100 };
    const { top, bottom } = plotField;
    const places = [0.01, 1, 10, 100, 5_000].map((ms) => placeOf(ms, axis));
    assert.deepEqual(places, [bottom, bottom, (top + bottom) / 2, top, top]);
  });
});

describe("the paths of a plot", () => {
  const axis = { minMs: 1, maxMs: 100 };
  const plan = { rounds: 2, messagesPerRound: 2 };
  const points = [
    { share: shareOf({ round: 1, index: 0 }, plan), ms: 1 },
    { share: shareOf({ round: 1, index: 1 }, plan), ms: 10 },
    { share: shareOf({ round: 2, index: 0 }, plan), ms: 100 },
  ];

  it("spread the rounds evenly, each message in the middle of its share", () => {
    assert.deepEqual(
      points.map(({ share }) => share),
      [0.125, 0.375, 0.625],
    );
  });

  it("have a dot for each message", () => {
    assert.equal(dotsPath(points, axis), "M72.5 128h0M141.5 68h0M210.5 8h0");
  });

  it("have a line over a round at its median, by nearest rank", () => {
    assert.equal(medianPath(points.slice(0, 2), 1, 2, axis), "M38 128H176");
    assert.equal(medianPath(points.slice(2), 2, 2, axis), "M176 8H314");
    assert.equal(medianPath([], 2, 2, axis), "");
  });
});
