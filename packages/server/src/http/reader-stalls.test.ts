import assert from "node:assert/strict";
import { test } from "node:test";
import { ReaderStalls, type StallingReader } from "./reader-stalls.js";

const readerStallMs = 120_000;
/** A twentieth: how late a stall may be seen. */
const slackMs = 6_000;

/** Stalls whose time is in the test's hand. */
function stallsByHand() {
  let sweepMs = 0;
  let sweep: (() => void) | undefined;
  const stalls = new ReaderStalls({ readerStallMs }, (intervalMs, task) => {
    sweepMs = intervalMs;
    sweep = task;
    return () => {
      sweep = undefined;
    };
  });
  const pass = (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += sweepMs) sweep?.();
  };
  return { stalls, pass, isRunning: () => sweep !== undefined };
}

class FakeReader implements StallingReader {
  queuedBytes = 0;
  takenBytes = 0;
  seenTakenBytes = 0;
  stalledSweeps = 0;
  endedWith: string[] = [];
  constructor(private readonly stalls: ReaderStalls) {
    stalls.add(this);
  }
  endStalled({ code }: { readonly code: string }): void {
    this.endedWith.push(code);
    // As a stream does when it is over; it is not among the readers any more.
    this.stalls.delete(this);
  }
}

test("a reader that takes none of the bytes that wait is kept for readerStallMs, and ended at most a twentieth later", () => {
  const { stalls, pass } = stallsByHand();
  const readers = Array.from({ length: 9 }, () => new FakeReader(stalls));
  pass(50_000);
  for (const reader of readers) reader.queuedBytes = 1;
  pass(readerStallMs);
  for (const { endedWith } of readers) assert.deepEqual(endedWith, []);
  // More bytes wait now. That does not show that the client lives.
  for (const reader of readers) reader.queuedBytes = 2;
  pass(slackMs);
  for (const { endedWith } of readers) assert.deepEqual(endedWith, ["SLOW_READER"]);
  pass(2 * readerStallMs);
  for (const { endedWith } of readers) assert.equal(endedWith.length, 1);
});

test("a reader that takes a byte within the time is kept, however slow it is", () => {
  const { stalls, pass } = stallsByHand();
  const reader = new FakeReader(stalls);
  reader.queuedBytes = 1_000;
  for (let count = 0; count < 20; count++) {
    pass(readerStallMs - slackMs);
    reader.takenBytes++;
  }
  assert.deepEqual(reader.endedWith, []);
  pass(readerStallMs + slackMs);
  assert.deepEqual(reader.endedWith, ["SLOW_READER"]);
});

test("a reader for which nothing waits is never ended, and neither is one whose queue empties in time", () => {
  const { stalls, pass } = stallsByHand();
  const [idle, emptied] = [new FakeReader(stalls), new FakeReader(stalls)];
  for (let count = 0; count < 10; count++) {
    emptied.queuedBytes = 1_000;
    pass(readerStallMs - slackMs);
    emptied.queuedBytes = 0;
    pass(slackMs);
  }
  assert.deepEqual([idle.endedWith, emptied.endedWith], [[], []]);
});

test("the timer runs only while there are readers", () => {
  const { stalls, isRunning } = stallsByHand();
  assert.ok(!isRunning());
  const readers = Array.from({ length: 5 }, () => new FakeReader(stalls));
  assert.ok(isRunning());
  for (const reader of readers) stalls.delete(reader);
  for (const reader of readers) stalls.delete(reader);
  assert.ok(!isRunning());
  new FakeReader(stalls);
  assert.ok(isRunning());
});
