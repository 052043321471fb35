import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { RoomReaders } from "./room-readers.js";

const keepMs = 1_000;
const lobby = "lobby" as RoomId;

function readersWith(clock: ManualClock, epoch: (room: RoomId) => number = () => 1): RoomReaders {
  return new RoomReaders(clock, keepMs, epoch);
}

test("readers are gone when none has been there for keepMs, or since the start", () => {
  const clock = new ManualClock();
  const readers = readersWith(clock);
  assert.equal(readers.areGone(lobby), false);
  clock.advance(keepMs - 1);
  assert.equal(readers.areGone(lobby), false);
  clock.advance(1);
  assert.equal(readers.areGone(lobby), true);
  readers.entered(lobby);
  clock.advance(10 * keepMs);
  assert.equal(readers.areGone(lobby), false);
  readers.leftBy(lobby);
  clock.advance(keepMs - 1);
  assert.equal(readers.areGone(lobby), false);
  clock.advance(1);
  assert.equal(readers.areGone(lobby), true);
});

test("the epoch of the first reader's time holds for those who come later, until the room goes away", () => {
  const clock = new ManualClock();
  let epoch = 1;
  const readers = readersWith(clock, () => epoch);
  assert.equal(readers.epochOf(lobby), undefined);
  readers.entered(lobby);
  epoch = 2;
  assert.equal(readers.epochOf(lobby), 1);
  readers.leftBy(lobby);
  assert.equal(readers.epochOf(lobby), 1);
  readers.entered(lobby);
  assert.equal(readers.epochOf(lobby), 1);
  readers.removed(lobby);
  assert.equal(readers.epochOf(lobby), 2);
  readers.leftBy(lobby);
  readers.removed(lobby);
  assert.equal(readers.epochOf(lobby), undefined);
});

test("a hundred thousand rooms are remembered when they are left, and those of keepMs ago are not", () => {
  const clock = new ManualClock();
  const readers = readersWith(clock);
  const leave = (room: RoomId) => {
    readers.entered(room);
    readers.leftBy(room);
  };
  const rooms = Array.from({ length: 100_001 }, (_, at) => `room-${at}` as RoomId);
  for (const room of rooms) leave(room);
  const known = (at: number) => readers.epochOf(rooms[at] ?? lobby);
  assert.deepEqual([known(0), known(1), known(100_000)], [undefined, 1, 1]);
  clock.advance(keepMs);
  leave(lobby);
  assert.deepEqual([known(1), known(100_000), readers.epochOf(lobby)], [undefined, undefined, 1]);
  clock.advance(keepMs);
  readers.forgetLeft();
  assert.equal(readers.epochOf(lobby), undefined);
});
