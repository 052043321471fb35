import assert from "node:assert/strict";
import { test } from "node:test";
import { busyUsFromStat, cpuTimesFromStat, cpuTimesOf, machineBusyUs, rssBytesOf, totalUs } from "./process-stats.js";

test("CPU times are read from behind a command name with spaces and brackets", () => {
  const stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 250 75 3 4 20 0 11 0 12345 1000 200";
  assert.deepEqual(cpuTimesFromStat(stat), { userUs: 2_500_000, systemUs: 750_000 });
  assert.deepEqual(cpuTimesFromStat(stat, 13), { userUs: 30_000, systemUs: 40_000 });
});

test("text of another shape is refused", () => {
  assert.throws(() => cpuTimesFromStat("gone"), /not \/proc\/PID\/stat/);
});

test("the machine's busy time leaves out idle and waiting", () => {
  assert.equal(busyUsFromStat("cpu  1 2 3 400 500 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"), 270_000);
});

test("this very process has used time and memory", () => {
  assert.ok(totalUs(cpuTimesOf(process.pid)) > 0);
  assert.ok(machineBusyUs() > 0);
  assert.ok(rssBytesOf(process.pid) > 1_000_000);
});
