import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { blockOf, runForward } from "../../../core/index.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import type { Change } from "./batch.js";
import { Overlay } from "./overlay.js";

const rooms = [1, 2, 3];
const wholePage = { maxEntries: 10_000, maxBytes: 10_000_000 };

/** All that an overlay shows. */
function shownBy({ entries, tables }: Overlay): unknown {
  return [
    rooms.map((room) => {
      const range = { from: 1, to: Number.MAX_SAFE_INTEGER };
      const run = runForward(entries.forward(room, range.from), range, wholePage);
      return run.entries.map(({ offset, body }) => [offset, Buffer.from(body).toString()]);
    }),
    [...tables.rooms.getRange({})].map(({ key, value }) => [String(key), String(value)]),
    String(tables.meta.get(Buffer.from("m"))),
  ];
}

function copyOf(overlay: Overlay, isTaken: boolean, disk: MemoryDisk): Overlay {
  const copy = new Overlay(disk.open());
  if (isTaken) {
    copy.apply([...overlay.changes("taken")]);
    copy.take();
  }
  copy.apply([...overlay.changes("newer")]);
  return copy;
}

for (const seed of [1, 2, 3])
  test(`what an overlay holds makes another one that shows the same from then on (seed ${seed})`, async () => {
    const random = new Random(seed);
    const disk = new MemoryDisk();
    const store = disk.open();
    const overlay = new Overlay(store);
    let copy = copyOf(overlay, false, disk);
    const newest = new Map<number, number>();
    let isTaken = false;
    let copies = 0;
    const batch = (step: number): Change[] => {
      const room = rooms[random.int(0, 2)] ?? 1;
      const first = (newest.get(room) ?? 0) + 1;
      const bodies = Array.from({ length: random.int(1, 3) }, (_, n) => Buffer.from(`${step}.${n}`));
      newest.set(room, first + bodies.length - 1);
      const key = Buffer.from(`room ${random.int(0, 5)}`);
      return [
        { room, block: { first, last: first + bodies.length - 1, bytes: blockOf(bodies) }, dropTo: 0 },
        { table: "rooms", key, value: random.int(0, 3) === 0 ? undefined : Buffer.from(String(step)) },
        { table: "meta", key: Buffer.from("m"), value: Buffer.from(String(step)) },
        { table: "ids", key: Buffer.from(`id ${step}`), value: Buffer.from("1") },
      ];
    };
    for (let step = 0; step < 600; step++) {
      const what = random.int(0, 9);
      if (what < 6) {
        const changes = batch(step);
        overlay.apply(changes);
        copy.apply(changes.filter((change) => !("key" in change && change.table === "ids")));
      } else if (what < 8 && !isTaken) {
        overlay.take();
        copy.take();
        isTaken = true;
      } else if (what < 8) {
        await store.write(() => overlay.store());
        // The copy receives of it later than the store shows it.
        assert.deepEqual(shownBy(copy), shownBy(overlay));
        overlay.stored();
        copy.stored();
        isTaken = false;
      } else {
        copy = copyOf(overlay, isTaken, disk);
        copies++;
      }
      assert.deepEqual(shownBy(copy), shownBy(overlay), `step ${step}`);
    }
    assert.ok(copies > 50);
  });
