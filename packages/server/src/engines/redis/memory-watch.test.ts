import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryWatch } from "./memory-watch.js";

test("Redis is asked again when it has answered or failed, and not before", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const questions: { readonly resolve: (bytes: number) => void; readonly reject: (error: Error) => void }[] = [];
  const known: (number | undefined)[] = [];
  const usedBytes = () => new Promise<number>((resolve, reject) => questions.push({ resolve, reject }));
  const watch = new MemoryWatch({ usedBytes }, { set: (bytes) => known.push(bytes) }, 10);
  const settled = () => new Promise(setImmediate);
  t.mock.timers.tick(30);
  assert.equal(questions.length, 1);
  questions[0]?.resolve(5);
  await settled();
  t.mock.timers.tick(30);
  assert.equal(questions.length, 2);
  questions[1]?.reject(new Error("away"));
  await settled();
  t.mock.timers.tick(10);
  assert.deepEqual([questions.length, known], [3, [5]]);
  questions[2]?.resolve(6);
  await settled();
  watch.stop();
  t.mock.timers.tick(30);
  assert.deepEqual([questions.length, known], [3, [5, 6]]);
});
