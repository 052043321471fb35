import assert from "node:assert/strict";
import { test } from "node:test";
import { countsFromReport, latenciesFromLog } from "./h2load.js";

const report = `finished in 2.01s, 10765.00 req/s, 1.04MB/s
requests: 21530 total, 21630 started, 21533 done, 21530 succeeded, 1 failed, 2 errored, 0 timeout
status codes: 21620 2xx, 0 3xx, 0 4xx, 0 5xx
`;

test("h2load's report gives calls, failures and time", () => {
  assert.deepEqual(countsFromReport(report), { calls: 21530, failedCalls: 3, elapsedUs: 2_010_000 });
});

test("a short run is reported in milliseconds", () => {
  assert.equal(countsFromReport(report.replace("2.01s", "512.5ms")).elapsedUs, 512_500);
});

test("a report of another shape is refused", () => {
  assert.throws(() => countsFromReport("no such host"), /not understood: no such host/);
});

test("latencies are the third column of the log", () => {
  const log = Array.from({ length: 100 }, (_, index) => `1795378923217853\t200\t${100 - index}`).join("\n");
  assert.deepEqual(latenciesFromLog(`${log}\n`), { p50Us: 50, p99Us: 99 });
  assert.deepEqual(latenciesFromLog(""), { p50Us: undefined, p99Us: undefined });
});
