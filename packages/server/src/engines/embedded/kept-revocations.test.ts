import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type Engine, type Revocation, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { withCode } from "../../testing/engine-suite/setup.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { MemoryDisk } from "./testing/memory-disk.js";

const clock = new ManualClock();

async function withEngine(disk: MemoryDisk, run: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({}),
    dedupeWindowMs: 1_000,
    limits: limitsWith(),
    clock,
    log: { warn: assert.fail },
  });
  try {
    await run(engine);
  } finally {
    await engine.close();
  }
}

const ofUser = (user: string, issuedBeforeMs: number): Revocation => ({
  tokenId: "",
  user,
  issuedBeforeMs,
  untilMs: clock.nowMs() + 60_000,
});

const known = ({ revocations }: Engine) =>
  revocations
    .all()
    .map(({ user, issuedBeforeMs }) => `${user} ${issuedBeforeMs}`)
    .sort();

test("a revocation that a full disk does not take holds at once, says so, and is stored with the next one", async () => {
  const disk = new MemoryDisk();
  await withEngine(disk, async (engine) => {
    const told: string[] = [];
    await engine.revocations.watch(({ added }) => void told.push(...added.map(({ user }) => user)));
    disk.fates.set(1, "ENOSPC");
    await assert.rejects(
      engine.revocations.add(ofUser("mal", 9_000)),
      (error) =>
        withCode("STORAGE_FULL")(error) &&
        /holds until this server stops: send it again/.test((error as Error).message),
    );
    assert.deepEqual([known(engine), told], [["mal 9000"], ["mal"]]);
    // The disk is not asked again while it is full, and the same revocation is not taken for a stored one.
    await assert.rejects(engine.revocations.add(ofUser("mal", 9_000)), withCode("STORAGE_FULL"));
    await assert.rejects(engine.revocations.add(ofUser("eve", 1)), withCode("STORAGE_FULL"));
    assert.deepEqual(known(engine), ["eve 1", "mal 9000"]);
    await withEngine(disk, async (reopened) => assert.deepEqual(known(reopened), []));
    disk.freeBytes = 1_000_000_000;
    await engine.revocations.add(ofUser("mal", 5_000));
  });
  await withEngine(disk, async (engine) => assert.deepEqual(known(engine), ["eve 1", "mal 9000"]));
});

test("a revocation that is widened while it is being stored is stored as wide, and is not acknowledged before", async () => {
  const disk = new MemoryDisk();
  await withEngine(disk, async ({ revocations }) => {
    disk.hold();
    const first = revocations.add(ofUser("ann", 5_000));
    while (disk.transactions === 0) await new Promise(setImmediate);
    let isAcknowledged = false;
    const wider = revocations.add(ofUser("ann", 9_000)).then(() => {
      isAcknowledged = true;
    });
    const narrower = revocations.add(ofUser("ann", 7_000));
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.ok(!isAcknowledged);
    disk.release();
    await Promise.all([first, wider, narrower]);
  });
  await withEngine(disk, async (engine) => assert.deepEqual(known(engine), ["ann 9000"]));
});

test("many revocations at once are one transaction, with the sends of that turn", async () => {
  const disk = new MemoryDisk();
  await withEngine(disk, async ({ revocations, log }) => {
    const body = encodeBody({ user: "ann", text: "x", room: "den", id: "", sentAtMs: 1 });
    await Promise.all([
      log.append("den" as RoomId, { body, sentAtMs: 1, dedupeKey: undefined }),
      ...Array.from({ length: 500 }, (_, index) => revocations.add(ofUser(`user-${index}`, 1))),
    ]);
    assert.equal(disk.transactions, 1);
  });
  await withEngine(disk, async (engine) => assert.equal(known(engine).length, 500));
});
