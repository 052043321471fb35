import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { KnownRooms } from "./known-rooms.js";

const den = "den" as RoomId;

test("a room is known while it is written to, and forgotten within a minute after it", () => {
  let nowMs = 1_000;
  const rooms = new KnownRooms(() => nowMs);
  assert.equal(rooms.has(den), false);
  rooms.add(den);
  for (let index = 0; index < 10; index++) {
    nowMs += 25_000;
    assert.equal(rooms.has(den), true);
  }
  nowMs += 30_000;
  assert.equal(rooms.has("other" as RoomId), false);
  nowMs += 30_000;
  assert.equal(rooms.has(den), false);
});

test("after a long silence no room is known", () => {
  let nowMs = 1_000;
  const rooms = new KnownRooms(() => nowMs);
  rooms.add(den);
  nowMs += 60_000;
  assert.equal(rooms.has(den), false);
});

test("at most 100,000 rooms are known", () => {
  const rooms = new KnownRooms(() => 0);
  for (let index = 0; index < 150_001; index++) rooms.add(`room-${index}` as RoomId);
  const known = [0, 99_999, 100_000, 150_000].map((index) => rooms.has(`room-${index}` as RoomId));
  assert.deepEqual(known, [false, false, true, true]);
});
