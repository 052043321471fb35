import assert from "node:assert/strict";
import { allTransports } from "./options.js";
import { reportText } from "./report.js";
import type { TortureResult, TortureRun } from "./run-torture.js";

/** The torture that is a part of `npm test`. */
export const shortRun: TortureRun = {
  seconds: 5,
  // Any number: the same faults each time, though not at the same messages.
  seed: 20_261,
  senders: 14,
  readers: 14,
  transports: allTransports,
  nodes: 1,
  wipesRedis: false,
  jsonFile: undefined,
  signal: new AbortController().signal,
  progress: () => undefined,
};

/** Every promise held. That means something only where there was something to lose, and something that tried. */
export function assertProven(result: TortureResult): void {
  const text = reportText(result, shortRun.seed);
  assert.equal(result.violations.length, 0, text);
  assert.ok(result.figures.acknowledged > 3 && result.figures.compared > 14, text);
  assert.ok((result.met.clients["ENGINE_UNAVAILABLE (network)"] ?? 0) > 0, text);
}
