import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type Engine, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { MemoryDisk } from "./testing/memory-disk.js";

const lobby = "lobby" as RoomId;

/** Whose rooms are not looked at by themselves while a test runs. */
function engineFor(disk: MemoryDisk): Engine {
  return engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({}),
    dedupeWindowMs: 1_000,
    limits: limitsWith(),
    clock: new ManualClock(),
    log: { warn: assert.fail },
    sweepIntervalMs: 600_000,
  });
}

async function fill(engine: Engine): Promise<void> {
  const body = encodeBody({ user: "ann", text: "x", room: lobby, id: "", sentAtMs: 1 });
  const entry = { body, sentAtMs: 1, dedupeKey: undefined };
  for (let count = 0; count < 3; count++) await engine.log.appendAll(lobby, Array(1_000).fill(entry));
}

async function untilHas(engine: Engine, messages: number): Promise<void> {
  for (const deadlineMs = Date.now() + 5_000; (await engine.log.state(lobby)).messages > messages; ) {
    assert.ok(Date.now() < deadlineMs, `${(await engine.log.state(lobby)).messages} messages are left`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// 512 went at once. The rest went as often as the sweep came by, which on a server of 100,000 rooms is every six minutes.
test("all that is beyond a new bound of a room goes at once, in several commits", async () => {
  const disk = new MemoryDisk();
  const engine = engineFor(disk);
  await fill(engine);
  const { transactions } = disk;
  await engine.log.setRetention(lobby, { maxMessages: 10 });
  await untilHas(engine, 10);
  assert.ok(disk.transactions - transactions >= 6, `${disk.transactions - transactions} commits`);
  await engine.close();
});

test("what is left of it when the server stops, or the disk fails, does not hold it up", async () => {
  const disk = new MemoryDisk();
  const engine = engineFor(disk);
  await fill(engine);
  disk.fates.set(disk.transactions + 3, "EIO");
  await engine.log.setRetention(lobby, { maxMessages: 10 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await engine.log.state(lobby)).messages, 3_000 - 512);
  await engine.log.setRetention(lobby, { maxMessages: 10 });
  await engine.close();
  const { messages } = await engineFor(disk).log.state(lobby);
  assert.ok(messages > 10, `${messages} messages are left`);
});
