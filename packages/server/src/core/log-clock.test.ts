import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../testing/engine-suite/index.js";
import { LogClock, type LogTime } from "./log-clock.js";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A log's clock on a wall clock that the test sets; both of its times are told from where they were at first. */
class Clocks {
  readonly wall = new ManualClock();
  readonly lines: string[] = [];
  private readonly startMs = this.wall.nowMs();
  private log = this.open(undefined);

  private open(kept: LogTime | undefined): LogClock {
    return new LogClock(this.wall, kept, { warn: (_facts, line) => this.lines.push(line) });
  }

  get read(): readonly [logMs: number, wallMs: number] {
    const { logMs, wallMs } = this.log.read();
    return [logMs - this.startMs, wallMs - this.startMs];
  }

  /** Close the log, and open it again after the clocks were changed. */
  reopen(meanwhile: () => void): void {
    const kept = this.log.read();
    meanwhile();
    this.log = this.open(kept);
  }
}

test("both times go with the wall clock while it is right, also over a day without a look", () => {
  const clocks = new Clocks();
  assert.deepEqual(clocks.read, [0, 0]);
  clocks.wall.advance(5);
  assert.deepEqual(clocks.read, [5, 5]);
  clocks.wall.advance(40 * dayMs);
  assert.deepEqual(clocks.read, [40 * dayMs + 5, 40 * dayMs + 5]);
  assert.deepEqual(clocks.lines, []);
});

test("a wall clock that is set does not touch the log's time, back or forth", () => {
  const clocks = new Clocks();
  for (const stepMs of [-20, -30 * dayMs, 60 * dayMs, 20_000]) {
    clocks.wall.step(stepMs);
    clocks.wall.advance(1);
    clocks.read;
  }
  assert.equal(clocks.read[0], 4);
});

test("ages follow a wall clock back at once, and forward by a minute at once", () => {
  const clocks = new Clocks();
  clocks.wall.step(-30 * dayMs);
  assert.equal(clocks.read[1], -30 * dayMs);
  clocks.wall.step(60_000);
  assert.equal(clocks.read[1], -30 * dayMs + 60_000);
  assert.deepEqual(clocks.lines, []);
});

test("ages follow a wall clock forward when it has stayed for an hour, and one line says so", () => {
  const clocks = new Clocks();
  clocks.wall.step(30 * dayMs);
  assert.equal(clocks.read[1], 0);
  clocks.wall.advance(hourMs - 1);
  assert.equal(clocks.read[1], hourMs - 1);
  assert.deepEqual(clocks.lines, [
    "the clock went forward by 30.0 days; retention by age waits an hour before it believes it",
  ]);
  clocks.wall.advance(1);
  assert.equal(clocks.read[1], 30 * dayMs + hourMs);
  clocks.wall.advance(1_000);
  assert.equal(clocks.read[1], 30 * dayMs + hourMs + 1_000);
  assert.equal(clocks.lines.length, 1);
});

test("the hour begins again when the wall clock was right in between, or went on to somewhere else", () => {
  const clocks = new Clocks();
  clocks.wall.step(30 * dayMs);
  clocks.read;
  clocks.wall.step(-30 * dayMs);
  assert.equal(clocks.read[1], 0);
  clocks.wall.advance(hourMs);
  clocks.wall.step(30 * dayMs);
  assert.equal(clocks.read[1], hourMs);
  clocks.wall.advance(hourMs - 1);
  clocks.wall.step(dayMs);
  assert.equal(clocks.read[1], 2 * hourMs - 1);
  clocks.wall.advance(1);
  assert.equal(clocks.read[1], 2 * hourMs);
  clocks.wall.advance(hourMs - 1);
  assert.equal(clocks.read[1], 31 * dayMs + 3 * hourMs - 1);
});

test("a wall clock that hops makes a line a minute and no more", () => {
  const clocks = new Clocks();
  for (let i = 0; i < 100; i++) {
    clocks.wall.step(i % 2 === 0 ? 2 * dayMs : -2 * dayMs);
    clocks.wall.advance(1_000);
    clocks.read;
  }
  assert.equal(clocks.lines.length, 2);
});

test("a log goes on from where it was, with the time for which it was closed", () => {
  const clocks = new Clocks();
  clocks.wall.advance(1_000);
  clocks.reopen(() => clocks.wall.advance(20 * hourMs));
  assert.deepEqual(clocks.read, [20 * hourMs + 1_000, 20 * hourMs + 1_000]);
  clocks.wall.advance(1);
  assert.deepEqual(clocks.read, [20 * hourMs + 1_001, 20 * hourMs + 1_001]);
  assert.deepEqual(clocks.lines, []);
});

test("a log that is opened with the wall clock behind goes on from where it was, and ages wait", () => {
  const clocks = new Clocks();
  clocks.wall.advance(1_000);
  clocks.reopen(() => clocks.wall.step(-10 * dayMs));
  assert.deepEqual(clocks.read, [1_000, 1_000 - 10 * dayMs]);
});

test("a log that is opened days later doubts that for an hour: the clock may be wrong", () => {
  const clocks = new Clocks();
  clocks.reopen(() => clocks.wall.step(10 * dayMs));
  assert.deepEqual(clocks.read, [0, 0]);
  assert.deepEqual(clocks.lines, [
    "the clock is past the log's newest message by 10.0 days; retention by age waits an hour before it believes it",
  ]);
  clocks.wall.advance(hourMs);
  assert.deepEqual(clocks.read, [hourMs, 10 * dayMs + hourMs]);
});
