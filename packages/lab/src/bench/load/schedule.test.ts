import assert from "node:assert/strict";
import { test } from "node:test";
import { keepSchedule } from "./schedule.js";

test("messages are sent at the rate, evenly, and what could not be sent in time comes with its time in the schedule", async () => {
  const dueUs: number[] = [];
  let calls = 0;
  await keepSchedule({ ratePerSecond: 100, durationMs: 200 }, (scheduledUs) => {
    calls += 1;
    dueUs.push(...scheduledUs);
    // The second call comes when the time of several more is over.
    if (calls === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  });
  assert.equal(dueUs.length, 20);
  const gapsUs = dueUs.slice(1).map((due, index) => Math.round(due - (dueUs[index] ?? 0)));
  assert.deepEqual(new Set(gapsUs), new Set([10_000]));
  assert.ok(calls < 20, `${calls} calls`);
});
