import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { FloorLog } from "./floor-log.js";

/** A log of frames that are `bytes` long and filled with their number, appended two at a time. */
function logOf(frames: number, bytes: number): FloorLog {
  const log = new FloorLog();
  for (let first = 0; first < frames; first += 2) {
    const turn = [Buffer.alloc(bytes, first), Buffer.alloc(bytes, first + 1)];
    log.append(turn, Buffer.concat(turn));
  }
  return log;
}

/** A socket whose reader takes a write when it is asked to. */
class SlowReader extends Writable {
  readonly writes: Buffer[] = [];
  take: () => void = () => undefined;

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.writes.push(chunk);
    this.take = taken;
  }
}

test("everything from a message on is one write, and the reader is live in the same turn", () => {
  const reader = new SlowReader();
  let isLive = false;
  logOf(10, 4).write(reader, 7, () => {
    isLive = true;
  });
  assert.equal(isLive, true);
  assert.deepEqual(reader.writes, [Buffer.from([7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9])]);
});

test("who has everything is live at once", () => {
  const reader = new SlowReader();
  let isLive = false;
  logOf(10, 4).write(reader, 10, () => {
    isLive = true;
  });
  assert.equal(isLive, true);
  assert.deepEqual(reader.writes, []);
});

test("a long log waits for its reader, who is live with what came meanwhile", async () => {
  const frameBytes = 700_000;
  const log = logOf(4, frameBytes);
  const reader = new SlowReader();
  let isLive = false;
  log.write(reader, 0, () => {
    isLive = true;
  });
  assert.equal(reader.writes.length, 1);
  log.append([Buffer.alloc(frameBytes, 4)], Buffer.alloc(frameBytes, 4));
  while (!isLive) {
    reader.take();
    await turn();
  }
  const all = Buffer.concat(reader.writes);
  assert.equal(all.length, 5 * frameBytes);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((number) => all[number * frameBytes]),
    [0, 1, 2, 3, 4],
  );
});
