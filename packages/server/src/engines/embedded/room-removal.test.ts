import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type Engine, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { settled } from "../../testing/manual-turns.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { type Fate, MemoryDisk } from "./testing/memory-disk.js";

const lobby = "lobby" as RoomId;
const maxAgeMs = 1_000;
const emptyRoomMs = 5_000;
const sweepIntervalMs = 5;

function engineFor(disk: MemoryDisk, clock: ManualClock): Engine {
  return engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({ maxAgeMs }),
    dedupeWindowMs: 1_000,
    limits: limitsWith({ emptyRoomMs }),
    clock,
    log: { warn: assert.fail },
    sweepIntervalMs,
  });
}

async function say(engine: Engine, clock: ManualClock) {
  const sentAtMs = clock.nowMs();
  const body = encodeBody({ user: "ann", text: "x", room: lobby, id: "", sentAtMs });
  return (await engine.log.append(lobby, { body, sentAtMs, dedupeKey: undefined })).position;
}

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!isSo()) {
    assert.ok(performance.now() < deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("a reader that comes while its room is on its way out is told to compare, and finds another epoch", async () => {
  const [disk, clock] = [new MemoryDisk(), new ManualClock()];
  const engine = engineFor(disk, clock);
  const { epoch } = await say(engine, clock);
  const { transactions } = disk;
  disk.hold();
  clock.advance(maxAgeMs + emptyRoomMs);
  await until(() => disk.transactions > transactions);
  // The removal is not durable: the room is there still.
  let interruptions = 0;
  const quiet = {
    entries: () => undefined,
    erased: () => undefined,
    signal: () => undefined,
    presence: () => undefined,
  };
  await engine.bus.watch(lobby, { ...quiet, interrupted: () => interruptions++ });
  assert.deepEqual(await engine.log.state(lobby), { epoch, oldest: 1, newest: 1, messages: 1 });
  engine.members.enter(lobby, "bob");
  disk.release();
  await until(() => interruptions > 0);
  const state = await engine.log.state(lobby);
  assert.equal(state.newest, 0);
  assert.notEqual(state.epoch, epoch);
  assert.equal(disk.tables.rooms.size + disk.tables.blocks.size, 0);
  await engine.close();
});

for (const fate of ["EIO", "lost", "kept", "cut", "cut kept"] as const satisfies readonly Fate[]) {
  test(`a removal whose commit ends with ${fate} is whole or not made, and the epoch does not come back`, async () => {
    const [disk, clock] = [new MemoryDisk(), new ManualClock()];
    let engine = engineFor(disk, clock);
    const first = await say(engine, clock);
    const begun = disk.transactions + 1;
    disk.fates.set(begun, fate);
    clock.advance(maxAgeMs + emptyRoomMs);
    await until(() => disk.transactions >= begun);
    await settled();
    if (disk.isCut) engine = engineFor(disk, clock);
    // What sweeps remove later, or have removed, is the same: nothing of it is in the store.
    clock.advance(emptyRoomMs);
    await until(() => disk.tables.rooms.size === 0 && !engine.log.list("", "", 1).toString());
    assert.equal(disk.tables.blocks.size, 0);
    const again = await say(engine, clock);
    assert.equal(again.offset, 1);
    assert.notEqual(again.epoch, first.epoch);
    await engine.close();
  });
}
