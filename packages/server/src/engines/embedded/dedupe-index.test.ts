import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { DedupeIndex } from "./dedupe-index.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import type { Store } from "./store.js";
import { MemoryDisk } from "./testing/memory-disk.js";

const windowMs = 60_000;
const first = { offset: 1, sentAtMs: 2 };

/** One commit that stores ids. */
async function commit(store: Store, index: DedupeIndex, nowMs: number, ...keys: string[]): Promise<void> {
  await store.write(() => {
    index.turnTo(nowMs);
    for (const key of keys) index.put(1, key, first);
    index.dropExpired(keys.length);
  });
  index.committed();
}

test("ids leave the store with the commits that follow their window", async () => {
  const [disk, clock] = [new MemoryDisk(), new ManualClock()];
  const engine = engineOn(disk.open(), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({}),
    dedupeWindowMs: windowMs,
    limits: limitsWith(),
    clock,
    log: { warn: assert.fail },
  });
  const send = (id: string) => {
    const body = encodeBody({ user: "ann", text: "x", room: "", id, sentAtMs: clock.nowMs() });
    return engine.log.append("room" as RoomId, { body, sentAtMs: clock.nowMs(), dedupeKey: id });
  };
  for (let window = 0; window < 4; window++) {
    await Promise.all(Array.from({ length: 300 }, (_, at) => send(`${window} ${at}`)));
    clock.advance(windowMs);
  }
  // Three buckets of ids and their beginnings are expired, and the fourth is not.
  assert.equal(disk.tables.ids.size, 2 * 301);
  clock.advance(windowMs);
  await send("last");
  assert.equal(disk.tables.ids.size, 2);
  await engine.close();
});

test("what a long pause leaves behind is removed over several commits, more in each than it brings", async () => {
  const disk = new MemoryDisk();
  const store = disk.open();
  const index = new DedupeIndex(store, windowMs, 0);
  for (let i = 0; i < 3; i++) await commit(store, index, i, ...Array.from({ length: 800 }, (_, at) => `${i} ${at}`));
  const counts: number[] = [];
  for (let i = 0; i < 4; i++) {
    await commit(store, index, 10 * windowMs, `new ${i}`);
    counts.push(disk.tables.ids.size);
  }
  // 2,401 keys go by 1,026 in each commit; the first one after the pause brings two, the others one.
  assert.deepEqual(counts, [1_377, 352, 4, 5]);
});

test("an id is looked up in two buckets, and after a change of the window in one more", async () => {
  const disk = new MemoryDisk();
  const store = disk.open();
  let nowMs = 0;
  for (let round = 0; round < 20; round++) {
    const index = new DedupeIndex(store, round % 2 === 0 ? windowMs : windowMs / 10, nowMs);
    for (let step = 0; step < 7; step++) {
      nowMs += windowMs / 3;
      await commit(store, index, nowMs, `${round} ${step}`);
      disk.readsUntilThrow = 1_000;
      assert.equal(index.find(1, "unknown"), undefined);
      const reads = 1_000 - disk.readsUntilThrow;
      assert.ok(reads <= (step < 4 ? 3 : 2), `${reads} reads in round ${round}, step ${step}`);
    }
  }
});

test("when a bucket began is stored with the next commit if the first one failed", async () => {
  const disk = new MemoryDisk();
  disk.fates.set(1, "EIO");
  const store = disk.open();
  const index = new DedupeIndex(store, windowMs, 1_000);
  await assert.rejects(commit(store, index, 1_000, "lost"));
  await commit(store, index, 2_000, "k");
  // Opened almost a window later: without its beginning, the bucket would be taken for one of now.
  const reopened = new DedupeIndex(store, windowMs, windowMs);
  assert.deepEqual([reopened.find(1, "lost"), reopened.find(1, "k")], [undefined, first]);
  await commit(store, reopened, 2 * windowMs + 1_001, "new");
  assert.equal(reopened.find(1, "k"), undefined);
});

test("ids of a store that does not know when their buckets began are known for a window more", async () => {
  const disk = new MemoryDisk();
  const store = disk.open();
  const index = new DedupeIndex(store, windowMs, 0);
  await commit(store, index, 0, "a");
  await commit(store, index, windowMs, "b");
  await store.write(() => {
    for (const key of store.ids.getKeys({})) if (key.length === 4) store.ids.remove(key);
  });
  const openedMs = 50 * windowMs;
  const reopened = new DedupeIndex(store, windowMs, openedMs);
  await commit(store, reopened, openedMs + windowMs - 1);
  assert.deepEqual([reopened.find(1, "a"), reopened.find(1, "b")], [first, first]);
  await commit(store, reopened, openedMs + 2 * windowMs);
  assert.deepEqual([reopened.find(1, "a"), reopened.find(1, "b")], [undefined, undefined]);
});
