import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody } from "@confab/contract";
import type { Retention } from "../../core/index.js";
import { dropExpired } from "./retention.js";
import type { Store } from "./store.js";

/** A room with messages 1 to `count`, all sent at time 0; the offset of the oldest that is left, and how many were dropped. */
function drop(count: number, retention: Retention, storedNewest: number): { oldest: number; dropped: number } {
  const body = encodeBody({ user: "ann", text: "hi", room: "lobby", id: "1", sentAtMs: 0, payload: undefined });
  let removed = 0;
  const entries = { get: () => body, remove: () => Promise.resolve(removed++ >= 0) };
  const record = { number: 1, epoch: 7, oldest: 1, newest: count, bytes: count * body.length };
  const dropped = dropExpired({ entries } as unknown as Store, record, storedNewest, retention, 1_000_000);
  assert.equal(dropped, removed);
  assert.equal(record.bytes, (count - removed) * body.length);
  return { oldest: record.oldest, dropped };
}

// A sweep by age comes without a send: all messages of the room are stored, and all may be too old.
for (const retention of [{ maxAgeMs: 1_000 }, { maxBytes: 1 }, { maxMessages: 0 }]) {
  test(`the newest message is kept when no new one comes: ${JSON.stringify(retention)}`, () => {
    assert.deepEqual(drop(3, retention, 3), { oldest: 3, dropped: 2 });
    assert.deepEqual(drop(1, retention, 1), { oldest: 1, dropped: 0 });
  });
}

test("what this commit brings is not dropped in it", () => {
  assert.deepEqual(drop(5, { maxMessages: 1 }, 3), { oldest: 4, dropped: 3 });
});
