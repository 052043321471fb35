import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { ManualClock } from "../testing/engine-suite/index.js";
import { ManualTurns } from "../testing/manual-turns.js";
import { ReadAnnouncements } from "./read-announcements.js";
import type { RoomId } from "./room-id.js";

class Bench {
  readonly clock = new ManualClock();
  readonly turns = new ManualTurns();
  readonly told: string[] = [];
  readonly announcements = new ReadAnnouncements(this.turns, this.clock, ({ room, user, kind, position }) => {
    assert.equal(kind, "read");
    this.told.push(`${user} ${room} ${position?.epoch}:${position?.offset}`);
  });

  tell(user: string, offset: number, { room = "a", epoch = 7 } = {}): void {
    this.announcements.tell({ room: room as RoomId, user, kind: "read", position: { epoch, offset } });
  }

  pass(ms: number): void {
    this.clock.advance(ms);
    this.turns.endWaits();
  }

  take(): string[] {
    return this.told.splice(0);
  }
}

test("the first mark is told at once, and of those of the next second the furthest, once", () => {
  const bench = new Bench();
  bench.tell("ann", 1);
  assert.deepEqual(bench.take(), ["ann a 7:1"]);
  for (const offset of [2, 5, 4]) bench.tell("ann", offset);
  bench.tell("bob", 3);
  bench.tell("ann", 9, { room: "b" });
  assert.deepEqual(bench.take(), ["bob a 7:3", "ann b 7:9"]);
  bench.pass(999);
  assert.deepEqual(bench.take(), []);
  bench.pass(1);
  assert.deepEqual(bench.take(), ["ann a 7:5"]);
  // That begins another second.
  bench.tell("ann", 6);
  bench.pass(999);
  assert.deepEqual(bench.take(), []);
  bench.pass(1);
  assert.deepEqual(bench.take(), ["ann a 7:6"]);
  bench.pass(1_000);
  bench.tell("ann", 7);
  assert.deepEqual(bench.take(), ["ann a 7:7"]);
});

test("after a restore the mark of the epoch of now counts, and one timer serves all", () => {
  const bench = new Bench();
  for (let user = 0; user < 50; user++) bench.tell(`${user}`, 1);
  assert.deepEqual(bench.turns.waitsMs, [1_000]);
  bench.take();
  bench.tell("0", 9);
  bench.tell("0", 2, { epoch: 8 });
  bench.pass(1_000);
  assert.deepEqual(bench.take(), ["0 a 8:2"]);
  bench.pass(1_000);
  assert.deepEqual(bench.turns.waitsMs, []);
});

test("what waits is told when the server stops", () => {
  const bench = new Bench();
  bench.tell("ann", 1);
  bench.tell("ann", 2);
  bench.announcements.close();
  assert.deepEqual(bench.take(), ["ann a 7:1", "ann a 7:2"]);
});

test("OVERLOADED past 100,000 marks in a second, until they are told", () => {
  const bench = new Bench();
  for (let user = 0; user < 99_999; user++) bench.tell(`${user}`, 1);
  bench.announcements.refuseFull();
  bench.tell("last", 1);
  assert.throws(
    () => bench.announcements.refuseFull(),
    (error) => error instanceof ConfabError && error.code === "OVERLOADED" && error.facts.retryAfterMs === 1_000,
  );
  bench.pass(1_000);
  bench.announcements.refuseFull();
});
