import assert from "node:assert/strict";
import { test } from "node:test";
import { Sweeper } from "./sweeper.js";

test("the timer runs while there is something to sweep, and no longer", () => {
  const running = new Set<() => void>();
  const sweeper = new Sweeper(
    () => 7,
    (_intervalMs, task) => {
      running.add(task);
      return () => running.delete(task);
    },
  );
  const swept: number[] = [];
  const members = [1, 2].map((number) => ({ sweep: (nowMs: number) => swept.push(number, nowMs) }));
  const [first = assert.fail(), second = assert.fail()] = members;
  sweeper.add(first);
  sweeper.add(second);
  assert.equal(running.size, 1);
  for (const task of running) task();
  assert.deepEqual(swept, [1, 7, 2, 7]);
  sweeper.remove(first);
  assert.equal(running.size, 1);
  sweeper.remove(second);
  assert.equal(running.size, 0);
  sweeper.add(first);
  assert.equal(running.size, 1);
});
