import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readRun } from "./entry-run.js";
import { entryKey } from "./keys.js";
import { openStore } from "./open-store.js";
import { testFolder } from "./testing/test-engine.js";

const bounds = { maxEntries: 100, maxBytes: 10_000_000 };

/** A store with entries of these lengths at the offsets from 1; undefined leaves one out. Each is filled with its offset. */
async function storeWith(lengths: readonly (number | undefined)[]) {
  const folder = testFolder();
  const store = await openStore(join(folder, "log"), "os", { warn: () => undefined });
  await store.write(() => {
    lengths.forEach((length, index) => {
      if (length !== undefined) void store.entries.put(entryKey(1, index + 1), Buffer.alloc(length, index + 1));
    });
  });
  const close = async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { entries: store.entries, close };
}

test("entries of every length come whole, and stay as they were when others are read", async () => {
  const lengths = [1, 170, 40_000, 40_000, 70_000, 3, 300_000, 4_000_000, 20, 65_536];
  const { entries, close } = await storeWith(lengths);
  const range = { from: 1, to: lengths.length };
  const first = readRun(entries, 1, range, bounds);
  readRun(entries, 1, { from: 2, to: 9 }, bounds);
  assert.deepEqual(
    first.map(({ offset, body }) => [offset, body.length, body.every((byte) => byte === offset)]),
    lengths.map((length, index) => [index + 1, length, true]),
  );
  await close();
});

test("a run ends at its bounds, at its end, and before a gap", async () => {
  const { entries, close } = await storeWith([10, 10, 10, 10, undefined, 10]);
  const offsets = (from: number, to: number, some: Partial<typeof bounds> = {}) =>
    readRun(entries, 1, { from, to }, { ...bounds, ...some }).map(({ offset }) => offset);
  assert.deepEqual(offsets(2, 3), [2, 3]);
  assert.deepEqual(offsets(1, 6), [1, 2, 3, 4]);
  assert.deepEqual(offsets(5, 6), []);
  assert.deepEqual(offsets(1, 6, { maxEntries: 2 }), [1, 2]);
  // The entry that reaches the bound is the last.
  assert.deepEqual(offsets(1, 6, { maxBytes: 10 }), [1]);
  assert.deepEqual(offsets(1, 6, { maxBytes: 11 }), [1, 2]);
  await close();
});
