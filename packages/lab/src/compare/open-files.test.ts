import assert from "node:assert/strict";
import { it } from "node:test";
import { openFilesAllowed, openFilesNeeded, openFilesProblem } from "./open-files.js";
import { madeOptions } from "./testing/made-findings.js";
import { contendersFrom } from "./transports.js";

// With too few files there was a stack trace, or minutes of "connect EMFILE - Local (undefined:undefined)".
it("what a comparison opens is compared with what is allowed, and the problem names both", () => {
  const needed = openFilesNeeded(madeOptions);
  assert.ok(needed > 1_000);
  assert.equal(openFilesProblem(madeOptions, needed), undefined);
  const problem = openFilesProblem(madeOptions, needed - 1) ?? "";
  assert.ok(problem.includes(`${needed - 1} are allowed here: ulimit -n ${needed}`), problem);
});

it("readers count, and a relay's two ends for each of them", () => {
  const many = { ...madeOptions, subscribers: 1_000, contenders: contendersFrom("sse") };
  assert.equal(
    openFilesNeeded({ ...many, contenders: contendersFrom("sse,sse+10ms") }) - openFilesNeeded(many),
    10_000,
  );
});

it("the allowed number is the soft limit", () => {
  const limits =
    "Limit   Soft Limit  Hard Limit  Units\nMax processes  1  2  processes\nMax open files            256                  512                  files\n";
  assert.equal(openFilesAllowed(limits), 256);
  assert.equal(openFilesAllowed(limits.replace("256", "unlimited")), Number.MAX_SAFE_INTEGER);
});
