import assert from "node:assert/strict";
import { test } from "node:test";
import { AbuseLog } from "./abuse-log.js";

test("the first connection is logged at once, the next line is 10 s later and counts those in between", () => {
  const lines: object[] = [];
  let nowMs = 0;
  const logger = { info: assert.fail, error: assert.fail, warn: (facts: object) => void lines.push(facts) };
  const log = new AbuseLog(logger, "a connection ends", () => nowMs);
  log.report("::1", "a");
  for (nowMs = 1; nowMs < 10_000; nowMs += 100) log.report("::2", "b");
  assert.deepEqual(lines, [{ remoteAddress: "::1", reason: "a" }]);
  nowMs = 10_000;
  log.report("::3", "c");
  nowMs = 20_000;
  log.report("::4", "d");
  assert.deepEqual(lines.slice(1), [
    { remoteAddress: "::3", reason: "c", othersSinceLastLine: 100 },
    { remoteAddress: "::4", reason: "d" },
  ]);
});
