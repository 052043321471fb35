import assert from "node:assert/strict";
import { test } from "node:test";
import { type IdleStream, IdleStreams } from "./idle-streams.js";

/** A timer that the test lets run: `intervalMs` is undefined while there is none. */
class ManualTimer {
  intervalMs: number | undefined;
  nowMs = 0;
  started = 0;
  private task: () => void = () => undefined;

  readonly repeat = (intervalMs: number, task: () => void) => {
    assert.equal(this.intervalMs, undefined, "one timer for all");
    this.intervalMs = intervalMs;
    this.task = task;
    this.started++;
    return () => {
      this.intervalMs = undefined;
    };
  };

  pass(ms: number): void {
    for (const endMs = this.nowMs + ms; this.intervalMs !== undefined && this.nowMs < endMs; this.task())
      this.nowMs += this.intervalMs;
  }
}

interface Recorded extends IdleStream {
  endedAtMs: number | undefined;
  queuedBytes: number;
}

function setup(idleStreamEndMs: number, random: () => number = () => 0) {
  const timer = new ManualTimer();
  const idle = new IdleStreams({ idleStreamEndMs, random, repeat: timer.repeat });
  const begin = (): Recorded => {
    const stream: Recorded = {
      quietSweeps: 0,
      maxQuietSweeps: 0,
      queuedBytes: 0,
      endedAtMs: undefined,
      endIdle: () => {
        stream.endedAtMs = timer.nowMs;
        idle.delete(stream);
      },
    };
    idle.add(stream);
    return stream;
  };
  return { timer, idle, begin };
}

test("a silent stream ends between four fifths of the time and all of it", () => {
  for (const idleStreamEndMs of [1, 50, 300, 50_000, 86_400_000]) {
    for (const [random, part] of [
      [0, 1],
      [0.999, 0.8],
    ] as const) {
      const { timer, begin } = setup(idleStreamEndMs, () => random);
      const stream = begin();
      timer.pass(2 * idleStreamEndMs + 100);
      const expected = idleStreamEndMs * part;
      const sweepMs = Math.max(10, idleStreamEndMs / 100);
      assert.ok(Math.abs((stream.endedAtMs ?? 0) - expected) <= sweepMs, `${stream.endedAtMs} for ${expected}`);
    }
  }
});

test("streams that fell silent together end over the whole of the last fifth, and never many at once", () => {
  let seed = 0;
  const { timer, begin } = setup(50_000, () => (seed = (seed + 0.618_034) % 1));
  const streams = Array.from({ length: 10_000 }, begin);
  timer.pass(60_000);
  const ends = new Map<number, number>();
  for (const { endedAtMs = 0 } of streams) ends.set(endedAtMs, (ends.get(endedAtMs) ?? 0) + 1);
  assert.ok(Math.min(...ends.keys()) <= 40_500 && Math.max(...ends.keys()) === 50_000);
  assert.ok(Math.max(...ends.values()) <= 10_000 / 20, "a twentieth in one sweep");
});

test("a stream that sends begins its time again", () => {
  const { timer, begin } = setup(1_000);
  const stream = begin();
  for (let round = 0; round < 5; round++) {
    timer.pass(900);
    stream.quietSweeps = 0;
  }
  assert.equal(stream.endedAtMs, undefined);
  timer.pass(1_000);
  assert.equal(stream.endedAtMs, 5_500);
});

test("a stream whose client has yet to take what was sent is not idle", () => {
  const { timer, begin } = setup(1_000);
  const stream = begin();
  stream.queuedBytes = 1;
  timer.pass(5_000);
  assert.equal(stream.endedAtMs, undefined);
  stream.queuedBytes = 0;
  timer.pass(1_000);
  assert.equal(stream.endedAtMs, 6_000);
});

test("there is one timer, and only while there are streams", () => {
  const { timer, idle, begin } = setup(1_000);
  const streams = [begin(), begin(), begin()];
  assert.equal(timer.intervalMs, 10);
  for (const stream of streams) idle.delete(stream);
  assert.equal(timer.intervalMs, undefined);
  idle.delete(streams[0] ?? begin());
  begin();
  assert.deepEqual([timer.intervalMs, timer.started], [10, 2]);
});

test("0 ends no stream", () => {
  const { timer, begin } = setup(0);
  const stream = begin();
  assert.equal(timer.intervalMs, undefined);
  timer.pass(1_000_000);
  assert.equal(stream.endedAtMs, undefined);
});
