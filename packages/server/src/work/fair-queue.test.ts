import assert from "node:assert/strict";
import { test } from "node:test";
import { FairQueue } from "./fair-queue.js";

test("items of one owner keep their order, and no owner waits for more than one of each other", () => {
  const queue = new FairQueue<string>();
  const [a, b, c] = [{}, {}, {}];
  for (const item of ["a1", "a2", "a3", "a4"]) queue.push(a, item);
  for (const item of ["b1", "b2"]) queue.push(b, item);
  assert.deepEqual([queue.shift(), queue.shift(), queue.size], ["a1", "b1", 4]);
  queue.push(c, "c1");
  queue.push(b, "b3");
  const rest = Array.from({ length: 7 }, () => queue.shift());
  assert.deepEqual(rest, ["a2", "b2", "c1", "a3", "b3", "a4", undefined]);
  assert.equal(queue.size, 0);
});

test("an item that is taken out is not given out, and an owner without items has no turn", () => {
  const queue = new FairQueue<string>();
  const [a, b] = [{}, {}];
  for (const item of ["a1", "a2"]) queue.push(a, item);
  queue.push(b, "b1");
  assert.deepEqual([queue.sizeOf(a), queue.sizeOf(b), queue.sizeOf({})], [2, 1, 0]);
  queue.delete(a, "a1");
  queue.delete(b, "b1");
  queue.delete(b, "b1");
  queue.delete(a, "b1");
  assert.deepEqual([queue.sizeOf(a), queue.sizeOf(b), queue.size], [1, 0, 1]);
  assert.deepEqual([queue.shift(), queue.shift(), queue.size], ["a2", undefined, 0]);
});
