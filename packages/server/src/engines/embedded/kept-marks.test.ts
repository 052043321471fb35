import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, type Limits, limitsWith } from "@confab/contract";
import { type Engine, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { withCode } from "../../testing/engine-suite/setup.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { type Fate, MemoryDisk } from "./testing/memory-disk.js";

const lobby = "lobby" as RoomId;

function engineFor(disk: MemoryDisk, limits: Partial<Limits> = {}, clock = new ManualClock()): Engine {
  return engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({ maxAgeMs: 1_000 }),
    dedupeWindowMs: 1_000,
    limits: limitsWith({ emptyRoomMs: 5_000, ...limits }),
    clock,
    log: { warn: assert.fail },
    sweepIntervalMs: 5,
  });
}

async function say(engine: Engine, room = lobby) {
  const body = encodeBody({ user: "ann", text: "x", room, id: "", sentAtMs: 1_767_323_045_000 });
  const entry = { body, sentAtMs: 1_767_323_045_000, dedupeKey: undefined };
  return (await engine.log.append(room, entry)).position;
}

async function move({ marks, log }: Engine, user: string, offset: number) {
  const { epoch } = await log.state(lobby);
  return marks.move(lobby, { user, position: { epoch, offset }, changes: 0, atMs: 1 });
}

async function marksIn({ marks }: Engine): Promise<string[]> {
  const found = await marks.page(lobby, "", 100);
  return found.marks.map(({ user, position }) => `${user} ${position.offset}`);
}

function markKeys({ tables }: MemoryDisk): string[] {
  return [...tables.meta.keys()].filter((key) => /^(mark|unmark)/.test(key));
}

test("marks of one turn join one commit, with the sends of that turn", async () => {
  const disk = new MemoryDisk();
  const engine = engineFor(disk);
  await say(engine);
  const { transactions } = disk;
  const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  await Promise.all([...users.map((user) => move(engine, user, 1)), say(engine)]);
  assert.equal(disk.transactions, transactions + 1);
  assert.equal((await marksIn(engine)).length, 100);
  await engine.close();
});

test("the marks of a room that has gone leave the folder, some at a time", async () => {
  const [disk, clock] = [new MemoryDisk(), new ManualClock()];
  const engine = engineFor(disk, {}, clock);
  await say(engine);
  const users = Array.from({ length: 1_500 }, (_, index) => `user-${index}`);
  await Promise.all(users.map((user) => move(engine, user, 1)));
  assert.equal(markKeys(disk).length, 1_501);
  clock.advance(10_000);
  for (const deadlineMs = Date.now() + 20_000; markKeys(disk).length > 0; ) {
    assert.ok(Date.now() < deadlineMs, `${markKeys(disk).length} keys are left`);
    clock.advance(10_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await engine.log.state(lobby)).newest, 0);
  await engine.close();
});

// The mark was acknowledged, and stayed in the folder for good: with the user's name, which no erasure finds.
test("a mark that would join the commit in which its room goes away is refused, and nothing of it is kept", async () => {
  const [disk, clock] = [new MemoryDisk(), new ManualClock()];
  const engine = engineFor(disk, {}, clock);
  await say(engine);
  disk.hold();
  const other = say(engine, "other" as RoomId);
  await new Promise((resolve) => setTimeout(resolve, 5));
  // What the sweep finds from now on waits for the next commit, and so does the mark.
  clock.advance(10_000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const moving = assert.rejects(move(engine, "ann", 1), withCode("OUT_OF_RANGE"));
  disk.release();
  await other;
  await moving;
  assert.deepEqual([(await engine.log.state(lobby)).newest, markKeys(disk)], [0, []]);
  await engine.close();
});

for (const fate of ["EIO", "ENOSPC", "lost", "kept"] as const satisfies readonly Fate[]) {
  test(`a mark whose commit ends with ${fate} is refused, stored or not, and the next one moves`, async () => {
    const disk = new MemoryDisk();
    const engine = engineFor(disk);
    for (let count = 0; count < 3; count++) await say(engine);
    await move(engine, "ann", 1);
    disk.fates.set(disk.transactions + 1, fate);
    const isUnknown = fate === "lost" || fate === "kept";
    const code = fate === "ENOSPC" ? "STORAGE_FULL" : isUnknown ? "OUTCOME_UNKNOWN" : undefined;
    await assert.rejects(
      Promise.all([move(engine, "ann", 2), move(engine, "bob", 1)]),
      (error) => code === undefined || withCode(code)(error),
    );
    assert.deepEqual(await marksIn(engine), fate === "kept" ? ["ann 2", "bob 1"] : ["ann 1"]);
    if (fate === "ENOSPC") {
      await assert.rejects(move(engine, "ann", 3), withCode("STORAGE_FULL"));
      disk.freeBytes = 1_000_000_000;
    }
    await move(engine, "ann", 3);
    await move(engine, "bob", 2);
    assert.deepEqual(await marksIn(engine), ["ann 3", "bob 2"]);
    await engine.close();
    const reopened = engineFor(disk);
    assert.deepEqual(await marksIn(reopened), ["ann 3", "bob 2"]);
    await reopened.close();
  });
}

test("OVERLOADED while maxPendingSends marks wait", async () => {
  const disk = new MemoryDisk();
  const engine = engineFor(disk, { maxPendingSends: 10 });
  await say(engine);
  disk.hold();
  const waiting = Array.from({ length: 10 }, (_, index) => move(engine, `user-${index}`, 1));
  await new Promise(setImmediate);
  await assert.rejects(
    Promise.all(Array.from({ length: 11 }, (_, index) => move(engine, `other-${index}`, 1))),
    withCode("OVERLOADED"),
  );
  disk.release();
  await Promise.all(waiting);
  await engine.close();
});

test("a full log takes no mark of another user, and lets those that are there move", async () => {
  const engine = engineFor(new MemoryDisk(), { maxLogBytes: 2_000 });
  await say(engine);
  await move(engine, "ann", 1);
  await assert.rejects(async () => {
    for (;;) await say(engine);
  }, withCode("STORAGE_FULL"));
  await assert.rejects(move(engine, "bob", 1), withCode("STORAGE_FULL"));
  assert.equal((await move(engine, "ann", 2)).isMoved, true);
  await engine.close();
});

test("a mark in a folder that is closed is refused", async () => {
  const engine = engineFor(new MemoryDisk());
  await say(engine);
  await engine.close();
  await assert.rejects(move(engine, "ann", 1), withCode("SHUTTING_DOWN"));
});
