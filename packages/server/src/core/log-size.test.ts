import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { LogSize } from "./log-size.js";

const isFull = (size: LogSize) => {
  try {
    size.refuseFull();
    return false;
  } catch (thrown) {
    assert.ok(thrown instanceof ConfabError && thrown.code === "STORAGE_FULL", String(thrown));
    assert.ok(thrown.facts.retryAfterMs);
    return true;
  }
};

test("a log is full from maxLogBytes on, of what was measured and of what was appended since", () => {
  const limits = { maxLogBytes: 100 };
  const size = new LogSize(limits);
  size.set(60);
  size.add(39);
  assert.ok(!isFull(size));
  size.add(1);
  assert.ok(isFull(size));
  size.set(70);
  assert.ok(!isFull(size));
  limits.maxLogBytes = 70;
  assert.ok(isFull(size));
});

test("a log whose size cannot be known is never full", () => {
  const size = new LogSize({ maxLogBytes: 100 });
  size.set(undefined);
  size.add(1_000);
  assert.ok(!isFull(size));
});
