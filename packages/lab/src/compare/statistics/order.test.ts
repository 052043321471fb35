import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { orderOfRound } from "./order.js";

const eight = ["a", "b", "c", "d", "e", "f", "g", "h"];

describe("the order of turns", () => {
  it("gives everybody every place, and everybody every neighbour, once in as many rounds", () => {
    const orders = eight.map((_, round) => orderOfRound(eight, round, 42));
    for (const item of eight) {
      assert.equal(new Set(orders.map((order) => order.indexOf(item))).size, 8, item);
      const before = orders.map((order) => order[order.indexOf(item) - 1]);
      assert.equal(new Set(before).size, 8, `${item} is behind ${before.join()}`);
    }
  });

  it("is another one with another seed, and the same with the same", () => {
    assert.deepEqual(orderOfRound(eight, 1, 7), orderOfRound(eight, 1, 7));
    assert.notDeepEqual(orderOfRound(eight, 1, 7), orderOfRound(eight, 1, 8));
  });

  it("has everybody once, however many there are", () => {
    for (let count = 1; count <= 8; count += 1) {
      const items = eight.slice(0, count);
      for (let round = 0; round < 9; round += 1)
        assert.deepEqual(orderOfRound(items, round, 3).toSorted(), items, `${count} in round ${round}`);
    }
  });
});
