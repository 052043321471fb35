import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePart } from "../optional-parts.js";
import { reportText } from "./report.js";
import { runTorture } from "./run-torture.js";
import { assertProven, shortRun } from "./short-run.js";

test("nothing is lost on nodes that share a Redis, whichever of them is killed or cut off", async (t) => {
  if (requirePart(t, "redis") === undefined) return;
  assertProven(await runTorture({ ...shortRun, seconds: 7, nodes: 3 }));
});

test("a Redis that loses its data loses it for everybody, and every reader is told", async (t) => {
  if (requirePart(t, "redis") === undefined) return;
  const result = await runTorture({ ...shortRun, seconds: 8, nodes: 2, wipesRedis: true });
  assertProven(result);
  assert.ok((result.met.clients["told OUT_OF_RANGE"] ?? 0) > 0, reportText(result, shortRun.seed));
});
