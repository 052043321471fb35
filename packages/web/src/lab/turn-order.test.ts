import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { turnOrder } from "./turn-order.js";

const five = ["a", "b", "c", "d", "e"];

describe("the order of turns", () => {
  it("has everybody in every round", () => {
    for (const items of [["a"], ["a", "b"], ["a", "b", "c", "d"], five])
      for (let round = 0; round < 12; round += 1) assert.deepEqual(turnOrder(items, round).toSorted(), items);
  });

  it("lets everybody begin once in five rounds", () => {
    const first = [0, 1, 2, 3, 4].map((round) => turnOrder(five, round)[0]);
    assert.deepEqual(first.toSorted(), five);
  });

  it("puts everybody behind everybody else within four rounds", () => {
    const pairs = [0, 1, 2, 3].flatMap((round) => {
      const order = turnOrder(five, round);
      // The round is a circle: who is last is followed by who begins, as in the next round.
      return order.map((item, turn) => `${item}${order[(turn + 1) % 5]}`);
    });
    assert.equal(new Set(pairs).size, 20);
  });
});
