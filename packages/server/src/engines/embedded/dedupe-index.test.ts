import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBody, limitsWith } from "@confab/contract";
import { type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { DedupeIndex } from "./dedupe-index.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import { idKey } from "./keys.js";
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
  // Of a version that had neither beginnings nor digests.
  const value = Buffer.alloc(16);
  value.writeDoubleBE(first.offset, 0);
  value.writeDoubleBE(first.sentAtMs, 8);
  await store.write(() => {
    for (const [at, key] of ["a", "b"].entries()) void store.ids.put(idKey(at + 1, 1, Buffer.from(key)), value);
  });
  const openedMs = 50 * windowMs;
  const reopened = new DedupeIndex(store, windowMs, openedMs);
  await commit(store, reopened, openedMs + windowMs - 1);
  assert.deepEqual([reopened.find(1, "a"), reopened.find(1, "b")], [first, first]);
  await commit(store, reopened, openedMs + 2 * windowMs);
  assert.deepEqual([reopened.find(1, "a"), reopened.find(1, "b")], [undefined, undefined]);
});

test("no dedupe key is in the store, and those that an earlier version has stored are known until their window is over", async () => {
  const disk = new MemoryDisk();
  const store = disk.open();
  // A bucket with one id, as versions before digests wrote it.
  const [bucket, start, value] = [Buffer.of(0, 0, 0, 1), Buffer.alloc(8), Buffer.alloc(16)];
  value.writeDoubleBE(first.offset, 0);
  await store.write(() => {
    void store.ids.put(bucket, start);
    void store.ids.put(Buffer.concat([bucket, Buffer.of(0, 0, 0, 1), Buffer.from("ann\0old")]), value);
  });
  const index = new DedupeIndex(store, windowMs, 10);
  await commit(store, index, 10, "ann\0new");
  assert.ok(![...disk.tables.ids.keys()].some((key) => key.includes("new")));
  for (const key of ["ann\0old", "ann\0new"]) assert.equal(index.find(1, key)?.offset, 1, key);
  assert.equal(index.find(2, "ann\0old"), undefined);
  assert.ok(index.hasAny(1) && !index.hasAny(2));
  // Another start of this version goes on in its bucket.
  const next = new DedupeIndex(store, windowMs, 20);
  for (const key of ["ann\0old", "ann\0new"]) assert.equal(next.find(1, key)?.offset, 1, key);
  await commit(store, next, 3 * windowMs, "ann\0last");
  assert.deepEqual([next.find(1, "ann\0old"), next.find(1, "ann\0last")?.offset], [undefined, 1]);
});
