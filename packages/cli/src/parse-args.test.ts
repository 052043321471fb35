import assert from "node:assert/strict";
import { test } from "node:test";
import { durationMs, parseCommandLine, wholeNumber } from "./parse-args.js";

test("times have a unit", () => {
  assert.deepEqual(
    ["90s", "30m", "12h", "7d"].map((text) => durationMs("x", text)),
    [90_000, 1_800_000, 43_200_000, 604_800_000],
  );
  for (const text of ["", "7", "d", "1.5h", "-1s", "1w", "1 h"])
    assert.throws(() => durationMs("x", text), { name: "UsageError" });
});

test("whole numbers are taken at their bounds and refused beyond", () => {
  assert.deepEqual(
    ["1", "10"].map((text) => wholeNumber("x", text, 1, 10)),
    [1, 10],
  );
  for (const text of ["0", "11", "1e1", "0x1", "", " 1", "1.0"]) {
    assert.throws(() => wholeNumber("x", text, 1, 10), { name: "UsageError", message: /--x .*from 1 to 10/ });
  }
});

test("an unknown option and a missing value are usage errors that name the option", () => {
  const options = { url: { type: "string" } } as const;
  assert.throws(() => parseCommandLine(["--ulr", "x"], options), {
    name: "UsageError",
    message: "Unknown option '--ulr'; did you mean --url?",
  });
  assert.throws(() => parseCommandLine(["--room", "x"], options), { message: "Unknown option '--room'" });
  assert.throws(() => parseCommandLine(["--url"], options), { name: "UsageError", message: /--url/ });
});
