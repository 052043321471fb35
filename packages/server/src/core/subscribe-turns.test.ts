import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualTurns, settled } from "../testing/manual-turns.js";
import { Work } from "../work/index.js";
import { SubscribeTurns } from "./subscribe-turns.js";

/** Ask for so many places at once; how many have been let in so far. */
function askers(gate: SubscribeTurns, count: number, share = new Work().share()) {
  const order: number[] = [];
  for (let asker = 0; asker < count; asker++) {
    const wait = gate.take(share);
    if (wait === undefined) order.push(asker);
    else void wait.then(() => order.push(asker));
  }
  return order;
}

test("a few go on at once, the others some in each turn and in their order", async () => {
  const turns = new ManualTurns();
  const order = askers(new SubscribeTurns(turns), 40);
  const lengths = [order.length];
  for (let turn = 0; turn < 3; turn++) {
    await turns.next();
    lengths.push(order.length);
  }
  assert.deepEqual(lengths, [16, 32, 40, 40]);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
});

test("a turn in which nobody waits gives all places back, and then nothing turns any more", async () => {
  const turns = new ManualTurns();
  const gate = new SubscribeTurns(turns);
  assert.equal(askers(gate, 16).length, 16);
  await turns.next();
  assert.equal(askers(gate, 16).length, 16);
  await turns.untilIdle();
  assert.equal(askers(gate, 1).length, 1);
});

test("those who come while others wait are let in after them", async () => {
  const turns = new ManualTurns();
  const gate = new SubscribeTurns(turns);
  const first = askers(gate, 40);
  await turns.next();
  // Eight of this turn's places are left over only in the next one.
  const second = askers(gate, 10);
  await settled();
  assert.deepEqual([first.length, second.length], [32, 0]);
  await turns.next();
  assert.deepEqual([first.length, second.length], [40, 8]);
  await turns.untilIdle();
  assert.equal(second.length, 10);
});

// A client that subscribed a thousand times on one connection was let in a thousand times before any other client.
test("one of each connection is let in in turn, however many one asks for", async () => {
  const turns = new ManualTurns();
  const gate = new SubscribeTurns(turns);
  const greedy = askers(gate, 1_000);
  const others = Array.from({ length: 10 }, () => askers(gate, 1));
  await turns.next();
  assert.deepEqual([others.flat().length, greedy.length], [10, 22]);
});
