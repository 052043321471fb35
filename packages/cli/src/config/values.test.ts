import assert from "node:assert/strict";
import { test } from "node:test";
import { byteSizeIn, durationIn } from "./values.js";

test("sizes are decimal or binary, and bytes without a unit", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["1000", 1_000],
    ["1k", 1_000],
    ["1KB", 1_000],
    ["2MiB", 2_097_152],
    ["1 GiB", 1_073_741_824],
    ["3gb", 3_000_000_000],
    ["5B", 5],
  ];
  for (const [text, bytes] of sizes) assert.equal(byteSizeIn(text), bytes, text);
  for (const text of ["", "GB", "1TB", "1.5GB", "-1"]) assert.throws(() => byteSizeIn(text), { name: "ValueError" });
});

test("a unit that is unknown is refused", () => {
  for (const text of ["7 days", "7D", "1w", "10ms", "10"])
    assert.throws(() => durationIn(text), { message: "must be a time such as 90s, 30m, 12h or 7d" }, text);
  for (const text of ["1TB", "1 KiBit", "1 byte"])
    assert.throws(() => byteSizeIn(text), { message: "must be a size such as 1000000, 500MB or 2GiB" }, text);
});
