import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody } from "@confab/contract";
import { blockOf, type Retention } from "../../core/index.js";
import { dropExpired } from "./retention.js";
import type { Store } from "./store.js";

const body = encodeBody({ user: "ann", text: "hi", room: "lobby", id: "1", sentAtMs: 0, payload: undefined });

/**
 * A room with messages 1 to `count`, all sent at time 0, in blocks of `perBlock`: the offset of the oldest that is left, how
 * many were dropped, and up to which offset blocks may go.
 */
function drop(count: number, retention: Retention, storedNewest: number, perBlock = 2) {
  let droppedTo = 0;
  const blocks = Array.from({ length: Math.ceil(storedNewest / perBlock) }, (_, at) => {
    const bodies = Array(Math.min(perBlock, storedNewest - at * perBlock)).fill(body);
    return { first: at * perBlock + 1, last: at * perBlock + bodies.length, bytes: blockOf(bodies) };
  });
  const entries: Partial<Store["entries"]> = {
    forward: (_room, from) => blocks.filter(({ last }) => last >= from),
    drop: (_room, upTo) => {
      droppedTo = upTo;
    },
  };
  const record = { number: 1, epoch: 7, oldest: 1, newest: count, bytes: count * body.length };
  const dropped = dropExpired({ entries: entries as Store["entries"] }, record, storedNewest, retention, 1_000_000);
  assert.equal(record.bytes, (count - dropped) * body.length);
  assert.equal(droppedTo, record.oldest - 1);
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

test("bounds hold to the message, wherever a block ends", () => {
  for (const perBlock of [1, 2, 3, 100]) {
    assert.deepEqual(drop(9, { maxMessages: 4 }, 9, perBlock), { oldest: 6, dropped: 5 });
    assert.deepEqual(drop(9, { maxBytes: 2 * body.length }, 9, perBlock), { oldest: 8, dropped: 7 });
  }
});

test("what a lowered bound leaves behind is worked off over several commits", () => {
  assert.deepEqual(drop(2_000, { maxMessages: 1 }, 2_000), { oldest: 513, dropped: 512 });
});
