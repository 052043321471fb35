import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../../../testing/manual-turns.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { MemoryWal } from "../testing/memory-wal.js";
import { WalStore } from "./wal-store.js";
import { WriteAheadLog } from "./write-ahead-log.js";

test("what is told to other processes is durable: nothing before its flush, and nothing that failed", async () => {
  const disk = new MemoryDisk();
  const wal = new WriteAheadLog(new MemoryWal(disk, []), { epoch: 7, lastSequence: 0, lastTurn: 0, isFlushing: true });
  const store = new WalStore(disk.open(), wal, { contents: [], isCut: false });
  await store.storeLeft();
  const told: unknown[] = [];
  store.feedTo({
    durable: (sequence, changes) => void told.push([sequence, changes.length]),
    taken: () => void told.push("taken"),
    stored: () => void told.push("stored"),
    sweep: () => void told.push("sweep"),
    close: () => void told.push("close"),
  });
  const write = () => store.write(() => void store.rooms.put(Buffer.from("room"), Buffer.from("record")));
  disk.hold();
  const written = write();
  await settled();
  assert.deepEqual(told, []);
  disk.release();
  await written;
  assert.deepEqual(told, [[1, 1]]);
  for (const fate of ["lost", "kept"] as const) {
    disk.walFates.set(disk.walRecords + 1, fate);
    await assert.rejects(write());
    assert.deepEqual([told, store.held().sequence], [[[1, 1]], 1], fate);
  }
  await write();
  disk.hold();
  const stored = store.storeAll();
  await settled();
  const beginning = store.held();
  assert.deepEqual([beginning.taken?.length, beginning.newer, beginning.sequence], [2, [], 2]);
  disk.release();
  await stored;
  assert.deepEqual(told, [[1, 1], [2, 1], "taken", "stored"]);
  assert.deepEqual(store.held(), { taken: undefined, newer: [], sequence: 2 });
  await store.close();
  assert.equal(told.at(-1), "close");
});
