import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type Engine, maxEarlierEpochs, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { withCode } from "../../testing/engine-suite/setup.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { renewEpochs } from "./epoch-renewal.js";
import { epochFrom, newSeed, numbers, RoomEpochs } from "./room-epochs.js";
import { encodeRoomRecord } from "./room-record.js";
import { MemoryDisk } from "./testing/memory-disk.js";

const [busy, quiet, unborn] = ["busy", "quiet", "unborn"] as [RoomId, RoomId, RoomId];
const maxAgeMs = 1_000;
const emptyRoomMs = 5_000;

function open(disk: MemoryDisk, clock = new ManualClock(), retention = {}): Engine {
  return engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll(retention),
    dedupeWindowMs: 1_000,
    limits: limitsWith({ emptyRoomMs }),
    clock,
    log: { warn: assert.fail },
    sweepIntervalMs: 5,
  });
}

/** As a start does it. */
async function renew(disk: MemoryDisk): Promise<void> {
  const store = disk.open();
  await store.write(() => renewEpochs(store, newSeed([new RoomEpochs(store).logEpochs.now])));
}

async function say(engine: Engine, room: RoomId, expected?: { epoch: number; offset: number }) {
  const body = encodeBody({ user: "ann", text: "x", room, id: "", sentAtMs: 1 });
  const [appended] = await engine.log.appendAll(room, [{ body, sentAtMs: 1, dedupeKey: undefined }], expected);
  return appended?.position ?? assert.fail();
}

test("an epoch is another one for each room and with each seed, and never 0", () => {
  const rooms = Array.from({ length: 2_000 }, (_, at) => `room-${at}` as RoomId);
  for (const seed of [1, 7, 0xffff_ffff]) {
    const epochs = rooms.map((room) => epochFrom(seed, room));
    assert.equal(new Set(epochs).size, rooms.length);
    assert.ok(epochs.every((epoch) => Number.isInteger(epoch) && epoch >= 1 && epoch <= 0xffff_ffff));
  }
  const ofOne = Array.from({ length: 2_000 }, (_, at) => epochFrom(at * 2_000_003, busy));
  assert.equal(new Set(ofOne).size, ofOne.length);
});

test("a renewal gives each room another epoch, in which positions of the ones before stand for the same messages", async () => {
  const disk = new MemoryDisk();
  let engine = open(disk);
  /** By room: its epochs so far, each with the newest offset that it had in it. */
  const history = new Map<RoomId, { epoch: number; top: number }[]>([busy, quiet, unborn].map((room) => [room, []]));
  for (let offset = 1; offset <= 3; offset++) await say(engine, quiet);
  for (let renewal = 0; renewal < maxEarlierEpochs + 3; renewal++) {
    await say(engine, busy);
    for (const [room, epochs] of history) {
      const { epoch, newest, lineage = [] } = await engine.log.state(room);
      assert.deepEqual(lineage, epochs.slice(-maxEarlierEpochs), `${room} after ${renewal} renewals`);
      assert.ok(!epochs.some((before) => before.epoch === epoch));
      epochs.push({ epoch, top: newest });
    }
    await engine.close();
    await renew(disk);
    engine = open(disk);
  }
  // A room that was not there before is one of which nothing was said.
  const first = history.get(unborn)?.at(-1) ?? assert.fail();
  assert.equal((await say(engine, unborn, { epoch: first.epoch, offset: 0 })).offset, 1);
  const state = await engine.log.state(unborn);
  assert.deepEqual(state.lineage, history.get(unborn)?.slice(-maxEarlierEpochs));
  await engine.close();
  engine = open(disk);
  assert.deepEqual(await engine.log.state(unborn), state);
  await engine.close();
});

test("what is expected may be a position of an earlier epoch, if it stands for the newest message", async () => {
  const disk = new MemoryDisk();
  let engine = open(disk);
  await say(engine, busy);
  const { epoch } = await say(engine, busy);
  await engine.close();
  await renew(disk);
  engine = open(disk);
  for (const offset of [1, 3]) {
    await assert.rejects(say(engine, busy, { epoch, offset }), withCode("UNEXPECTED_POSITION"));
  }
  const next = await say(engine, busy, { epoch, offset: 2 });
  assert.equal(next.offset, 3);
  assert.notEqual(next.epoch, epoch);
  await assert.rejects(say(engine, busy, { epoch, offset: 3 }), withCode("UNEXPECTED_POSITION"));
  await engine.close();
});

test("a room that goes away takes its earlier epochs along", async () => {
  const [disk, clock] = [new MemoryDisk(), new ManualClock()];
  let engine = open(disk);
  await say(engine, busy);
  const before = await engine.log.state(busy);
  await engine.close();
  await renew(disk);
  engine = open(disk, clock, { maxAgeMs });
  const renewed = await engine.log.state(busy);
  clock.advance(2 * (maxAgeMs + emptyRoomMs));
  const deadlineMs = performance.now() + 10_000;
  while ((await engine.log.state(busy)).newest > 0) {
    assert.ok(performance.now() < deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { epoch, lineage } = await engine.log.state(busy);
  assert.equal(lineage, undefined);
  assert.ok(![before.epoch, renewed.epoch].includes(epoch));
  assert.equal((await engine.log.state(unborn)).lineage, undefined, "it may have been there, too");
  await engine.close();
});

test("rooms of earlier formats keep the epoch that they had: the log's, or the one in their record", async () => {
  const disk = new MemoryDisk();
  const record = { number: 1, oldest: 2, newest: 1, bytes: 0 };
  const withoutEpoch = encodeRoomRecord({ ...record, epoch: 1 }, 0).subarray(0, 28);
  const withEpoch = encodeRoomRecord({ ...record, number: 2, epoch: 99 }, 0);
  assert.equal(withEpoch.length, 32);
  const rooms = new Map([
    ["busy", withoutEpoch],
    ["quiet", withEpoch],
  ]);
  disk.tables = { ...disk.tables, rooms, meta: new Map([["rooms", numbers(99, 2)]]) };
  let engine = open(disk);
  const positions = [await say(engine, busy), await say(engine, quiet), await say(engine, unborn)];
  assert.deepEqual(
    positions.map(({ epoch }) => epoch),
    [7, 99, epochFrom(99, unborn)],
  );
  await engine.close();
  await renew(disk);
  engine = open(disk);
  for (const [at, room] of [busy, quiet, unborn].entries()) {
    const { epoch, lineage } = await engine.log.state(room);
    assert.deepEqual(lineage, [{ epoch: positions[at]?.epoch, top: positions[at]?.offset }]);
    assert.notEqual(epoch, positions[at]?.epoch);
  }
  await engine.close();
});
