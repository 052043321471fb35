import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody } from "@confab/contract";
import { type Block, blockOf, type Retention } from "../../core/index.js";
import { dropExpired } from "./retention.js";
import { DamagedBlock, type Store } from "./store.js";

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

/** When the first message of the room below was sent; late enough that all of them have the same length. */
const firstMs = 1_010;

function bodyAt(offset: number): Uint8Array {
  const sentAtMs = firstMs + offset - 1;
  return encodeBody({ user: "ann", text: "hi", room: "lobby", id: "1", sentAtMs, payload: undefined });
}

/**
 * A room whose messages were sent a millisecond apart, in blocks of two of which some are damaged, by the offset of their last
 * message: the offset of the oldest that is left, and what the record says too much (or too little) of the room's bytes.
 */
function dropPast(damaged: readonly number[], retention: Retention, { nowMs = 0, oldest = 1 } = {}) {
  const count = 10;
  const bodies = Array.from({ length: count }, (_, at) => bodyAt(at + 1));
  const bytesFrom = (first: number) => bodies.slice(first - 1).reduce((sum, { length }) => sum + length, 0);
  const record = { number: 1, epoch: 7, oldest, newest: count, bytes: bytesFrom(oldest) };
  function* forward(_room: number, from: number): Iterable<Block> {
    for (let first = 1; first <= count; first += 2) {
      const last = first + 1;
      if (last < from) continue;
      const bytes = blockOf(bodies.slice(first - 1, last));
      if (damaged.includes(last)) throw new DamagedBlock(last, 8 + bytes.length, "it was changed");
      yield { first, last, bytes };
    }
  }
  const entries: Partial<Store["entries"]> = { forward, drop: () => undefined };
  dropExpired({ entries: entries as Store["entries"] }, record, count, retention, nowMs);
  return [record.oldest, record.bytes - bytesFrom(record.oldest)];
}

const bodyLength = bodyAt(1).length;

test("a damaged block does not stop the trimming by count, to the message", () => {
  for (const damaged of [[2], [2, 4], [2, 4, 6, 8, 10], [4], [6]])
    for (const maxMessages of [2, 4, 6, 8, 10])
      assert.deepEqual(dropPast(damaged, { maxMessages }), [11 - maxMessages, 0], `${damaged}, ${maxMessages}`);
});

test("a damaged block counts until all of it is dropped, and then as what it had left or more, never as less", () => {
  assert.deepEqual(dropPast([4], { maxMessages: 7 }), [4, bodyLength]);
  assert.deepEqual(dropPast([10], { maxMessages: 1 }), [10, bodyLength]);
  // Its first message was dropped before the disk changed it.
  assert.deepEqual(dropPast([4], { maxMessages: 6 }, { oldest: 4 }), [5, -(4 + bodyLength)]);
});

test("a damaged block goes as a whole by bytes", () => {
  assert.deepEqual(dropPast([2], { maxBytes: 9 * bodyLength }), [3, 0]);
  assert.deepEqual(dropPast([2, 4], { maxBytes: 7 * bodyLength }), [5, 0]);
  assert.deepEqual(dropPast([2], { maxBytes: 3 * bodyLength }), [8, 0]);
});

test("a damaged block goes by age when a message after it does, and stays where none tells", () => {
  const maxAgeMs = 100;
  const atAgeOf = (offset: number) => ({ nowMs: firstMs + offset - 1 + maxAgeMs });
  assert.deepEqual(dropPast([2], { maxAgeMs }, atAgeOf(2)), [1, 0]);
  assert.deepEqual(dropPast([2], { maxAgeMs }, atAgeOf(3)), [4, 0]);
  assert.deepEqual(dropPast([2, 4, 6], { maxAgeMs }, atAgeOf(6)), [1, 0]);
  assert.deepEqual(dropPast([2, 4, 6], { maxAgeMs }, atAgeOf(7)), [8, 0]);
  assert.deepEqual(dropPast([10], { maxAgeMs }, atAgeOf(10)), [9, 0]);
});
