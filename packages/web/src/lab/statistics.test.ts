import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isLower, quantileOf, type Spread, spreadOf, standingOf, verdictOf } from "./statistics.js";
import type { LabTransportName } from "./transports.js";

function spread(...rounds: number[]): Spread {
  return spreadOf(rounds) ?? assert.fail("no rounds");
}

describe("quantiles", () => {
  it("are values that were measured, by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.deepEqual(
      [0.5, 0.95, 0.99, 1].map((share) => quantileOf(values, share)),
      [50, 95, 99, 100],
    );
  });

  it("of few values are the slowest from early on", () => {
    assert.equal(quantileOf([3, 1, 2], 0.99), 3);
    assert.equal(quantileOf([7], 0.5), 7);
    assert.equal(quantileOf([], 0.5), undefined);
  });
});

describe("a spread", () => {
  it("is the median of the rounds between the lowest and the highest", () => {
    assert.deepEqual(spreadOf([5, 1, 9]), { median: 5, low: 1, high: 9, rounds: 3 });
    assert.deepEqual(spreadOf([4, 1, 9, 6]), { median: 5, low: 1, high: 9, rounds: 4 });
    assert.equal(spreadOf([]), undefined);
  });
});

describe("the rule for ties", () => {
  it("finds a difference when all rounds of one are below all rounds of the other", () => {
    assert.equal(isLower(spread(1, 2, 1, 2), spread(3, 4, 3, 4), 0), true);
    assert.equal(isLower(spread(3, 4, 3, 4), spread(1, 2, 1, 2), 0), false);
  });

  it("is a tie when a single round overlaps, or touches", () => {
    assert.equal(isLower(spread(1, 1, 1, 3), spread(3, 9, 9, 9), 0), false);
  });

  it("is a tie with fewer than four rounds", () => {
    assert.equal(isLower(spread(1, 1, 1), spread(9, 9, 9), 0), false);
  });

  it("is a tie below a twentieth, or below a step of the clock", () => {
    assert.equal(isLower(spread(100, 100, 100, 100), spread(105, 105, 105, 105), 0), false);
    assert.equal(isLower(spread(100, 100, 100, 100), spread(106, 106, 106, 106), 0), true);
    assert.equal(isLower(spread(1, 1, 1, 1), spread(2, 2, 2, 2), 1), false);
  });

  it("is a tie of one with itself", () => {
    assert.equal(isLower(spread(1, 1, 1, 1), spread(1, 1, 1, 1), 0), false);
  });
});

describe("a verdict", () => {
  it("names the lowest with its ties, and how much higher the others are", () => {
    const verdict = verdictOf(
      new Map([
        ["sse", spread(6, 6, 6, 6)],
        ["connect", spread(2, 2, 3, 3)],
        ["grpc-web", spread(2, 2, 2, 2)],
      ]),
      0,
    );
    assert.deepEqual(verdict, { lowest: ["grpc-web", "connect"], higher: [{ name: "sse", times: 3 }] });
  });

  it("of nobody is empty", () => {
    assert.deepEqual(verdictOf(new Map(), 0), { lowest: [], higher: [] });
  });
});

// The page showed 28.0 in bold as the lowest, and 27.3 not: the rounds of 28.0 were far apart, so it tied with 26.0.
describe("the mark in a figure's cell", () => {
  const standings = (figures: Record<string, Spread>) => {
    const names = Object.keys(figures) as LabTransportName[];
    const verdict = verdictOf(new Map(names.map((name) => [name, figures[name] ?? assert.fail(name)])), 0);
    return names.map((name) => standingOf(verdict, name));
  };

  it("is the lowest's where no other ties with it", () => {
    const figures = { connect: spread(2, 2, 2, 2), sse: spread(6, 6, 6, 6), "grpc-web": spread(3, 3, 3, 3) };
    assert.deepEqual(standings(figures), ["lowest", "", ""]);
  });

  it("names ties as ties, and none of them the lowest", () => {
    const figures = {
      connect: spread(25, 26, 26, 26.1),
      "grpc-web": spread(27.6, 27.6, 27.7, 27.8),
      sse: spread(26, 27.7, 28.5, 31),
    };
    assert.deepEqual(standings(figures), ["tie", "", "tie"]);
  });

  it("is left out where all tie, or where there is one alone", () => {
    assert.deepEqual(standings({ connect: spread(2, 2, 2, 2), sse: spread(2, 2, 2, 2) }), ["", ""]);
    assert.deepEqual(standings({ connect: spread(2, 2, 2, 2) }), [""]);
  });
});
