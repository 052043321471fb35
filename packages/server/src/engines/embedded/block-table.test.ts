import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { blockOf, entriesOf, runBackward, runForward } from "../../core/index.js";
import { withCode } from "../../testing/engine-suite/setup.js";
import { BlockTable } from "./block-table.js";
import { blockKey } from "./keys.js";
import { MemoryDisk } from "./testing/memory-disk.js";

const everything = { maxEntries: 1_000_000, maxBytes: 1_000_000_000 };

/** A message that says by its bytes which one it is. */
function body(offset: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(offset);
}

/** Appends to a room, a transaction each. */
class Rooms {
  readonly disk = new MemoryDisk();
  readonly store = this.disk.open();

  async append(room: number, first: number, lengths: readonly number[]): Promise<void> {
    const bodies = lengths.map((length, at) => body(first + at, length));
    const block = { first, last: first + bodies.length - 1, bytes: blockOf(bodies) };
    await this.store.write(() => this.store.entries.append(room, block));
  }

  forward(room: number, from: number, to = Number.POSITIVE_INFINITY, bounds = everything): number[] {
    return runForward(this.store.entries.forward(room, from), { from, to }, bounds).entries.map(({ offset }) => offset);
  }

  backward(room: number, to: number, from = 1, bounds = everything): number[] {
    return runBackward(this.store.entries.backward(room, to), { from, to }, bounds).entries.map(({ offset }) => offset);
  }

  /** The messages of each of a room's blocks. */
  blocks(room: number): number[] {
    return [...this.store.entries.forward(room, 1)].map(({ first, last }) => last - first + 1);
  }
}

test("messages of every length come whole, forward and backward", async () => {
  const rooms = new Rooms();
  const lengths = [1, 170, 40_000, 0, 70_000, 3, 300_000, 2_000_000, 20, 65_536];
  await rooms.append(1, 1, lengths);
  const { entries } = rooms.store;
  const range = { from: 1, to: lengths.length };
  for (const { entries: run } of [
    runForward(entries.forward(1, range.from), range, everything),
    runBackward(entries.backward(1, range.to), range, everything),
  ]) {
    assert.deepEqual(
      run.map(({ offset, body: read }) => [offset, read.length, read.every((byte) => byte === offset)]),
      lengths.map((length, index) => [index + 1, length, true]),
    );
  }
});

test("small messages that come one at a time are collected in blocks of a bounded size", async () => {
  const rooms = new Rooms();
  for (let offset = 1; offset <= 200; offset++) await rooms.append(1, offset, [100]);
  // A block is written again until it has 2 KiB.
  const twenties = Array(10).fill(20);
  assert.deepEqual(rooms.blocks(1), twenties);
  await rooms.append(1, 201, Array(400).fill(100));
  assert.deepEqual(rooms.blocks(1), [...twenties, 157, 157, 86]);
  assert.deepEqual(
    rooms.forward(1, 1),
    Array.from({ length: 600 }, (_, at) => at + 1),
  );
});

test("a run ends at its bounds, wherever they lie in a block", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, Array(6).fill(5_000));
  assert.deepEqual(rooms.blocks(1), [3, 3]);
  assert.deepEqual(rooms.forward(1, 2, 3), [2, 3]);
  assert.deepEqual(rooms.forward(1, 5), [5, 6]);
  assert.deepEqual(rooms.forward(1, 7), []);
  assert.deepEqual(rooms.forward(1, 2, 6, { ...everything, maxEntries: 3 }), [2, 3, 4]);
  assert.deepEqual(rooms.backward(1, 5, 2), [2, 3, 4, 5]);
  assert.deepEqual(rooms.backward(1, 5, 1, { ...everything, maxEntries: 3 }), [3, 4, 5]);
  assert.deepEqual(rooms.backward(1, 1_000, 6), [6]);
  // The entry that reaches the bound is the last.
  assert.deepEqual(rooms.forward(1, 1, 6, { ...everything, maxBytes: 5_000 }), [1]);
  assert.deepEqual(rooms.forward(1, 1, 6, { ...everything, maxBytes: 5_001 }), [1, 2]);
  assert.deepEqual(rooms.backward(1, 6, 1, { ...everything, maxBytes: 5_001 }), [5, 6]);
});

test("rooms do not see each other, and one without messages is empty", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, [10, 10]);
  await rooms.append(3, 1, [10]);
  assert.deepEqual([rooms.forward(1, 1), rooms.forward(2, 1), rooms.forward(3, 1)], [[1, 2], [], [1]]);
  assert.deepEqual([rooms.backward(1, 9), rooms.backward(2, 9), rooms.backward(3, 9)], [[1, 2], [], [1]]);
});

test("a block goes when all of its messages may, and a room as a whole", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, Array(6).fill(5_000));
  await rooms.append(2, 1, [10]);
  await rooms.store.write(() => rooms.store.entries.drop(1, 2));
  assert.deepEqual(rooms.blocks(1), [3, 3]);
  await rooms.store.write(() => rooms.store.entries.drop(1, 3));
  assert.deepEqual([rooms.blocks(1), rooms.forward(1, 1)], [[3], [4, 5, 6]]);
  await rooms.store.write(() => rooms.store.entries.clear(1));
  assert.deepEqual([rooms.blocks(1), rooms.blocks(2)], [[], [1]]);
});

test("a block that was changed, cut, zeroed or moved is named and never served; the others are", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, Array(9).fill(5_000));
  const key = blockKey(1, 6).toString("latin1");
  const good = rooms.disk.tables.blocks;
  const value = good.get(key) ?? Buffer.alloc(0);
  const random = new Random(3);
  const damaged = [
    ...Array.from({ length: 20 }, () => flipped(value, random.int(0, value.length - 1))),
    value.subarray(0, 100),
    value.subarray(0, value.length - 1),
    Buffer.concat([value, Buffer.alloc(1)]),
    Buffer.alloc(value.length),
    Buffer.alloc(0),
    Buffer.alloc(8),
    good.get(blockKey(1, 9).toString("latin1")) ?? Buffer.alloc(0),
  ];
  for (const bad of damaged) {
    rooms.disk.tables = { ...rooms.disk.tables, blocks: new Map(good).set(key, bad) };
    for (const read of [() => rooms.forward(1, 4), () => rooms.forward(1, 5), () => rooms.backward(1, 6)])
      assert.throws(read, withCode("DATA_LOSS"));
    // What lies before the damage, as a reader comes to it, is read.
    assert.deepEqual(
      [rooms.forward(1, 2), rooms.backward(1, 9)],
      [
        [2, 3],
        [7, 8, 9],
      ],
    );
    assert.deepEqual(
      [rooms.forward(1, 1, 3, { ...everything, maxEntries: 3 }), rooms.forward(1, 7)],
      [
        [1, 2, 3],
        [7, 8, 9],
      ],
    );
  }
});

test("a small block that the same write drops is not written again with what follows it", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, [10, 10, 10]);
  const { store } = rooms;
  await store.write(() => {
    store.entries.drop(1, 3);
    store.entries.append(1, { first: 4, last: 4, bytes: blockOf([Buffer.alloc(10)]) }, 3);
  });
  assert.deepEqual(
    [...store.entries.forward(1, 1)].map(({ first, last }) => [first, last]),
    [[4, 4]],
  );
});

test("two blocks with one offset are damage", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, Array(4).fill(5_000));
  await rooms.append(1, 3, [10, 10, 10]);
  const { entries } = rooms.store;
  assert.throws(() => [...entries.forward(1, 1)], withCode("DATA_LOSS"));
  assert.throws(() => [...entries.backward(1, 9)], withCode("DATA_LOSS"));
});

test("a last block that is damaged is not written again with what follows", async () => {
  const rooms = new Rooms();
  await rooms.append(1, 1, [10, 10]);
  const key = blockKey(1, 2).toString("latin1");
  const { tables } = rooms.disk;
  const bad = flipped(tables.blocks.get(key) ?? Buffer.alloc(0), 12);
  rooms.disk.tables = { ...tables, blocks: new Map(tables.blocks).set(key, bad) };
  await rooms.append(1, 3, [10]);
  assert.throws(() => rooms.forward(1, 1), withCode("DATA_LOSS"));
  assert.deepEqual(rooms.forward(1, 3), [3]);
});

test("a table over anything that keeps keys in order is the same after random appends and drops", async () => {
  const random = new Random(11);
  const rooms = new Rooms();
  const model = new Map<number, number[]>([1, 2, 3].map((room) => [room, []]));
  let dropped = 0;
  for (let step = 0; step < 300; step++) {
    const room = random.int(1, 3);
    const offsets = model.get(room) ?? [];
    const next = (offsets.at(-1) ?? 0) + 1;
    const lengths = Array.from({ length: random.int(1, 12) }, () => random.int(0, 3_000));
    await rooms.append(room, next, lengths);
    offsets.push(...lengths.map((_, at) => next + at));
    const from = random.int(1, next);
    assert.deepEqual(
      rooms.forward(room, from).slice(-offsets.length),
      offsets.filter((offset) => offset >= from),
    );
    if (random.int(0, 4) > 0) continue;
    const upTo = random.int(0, next - 1);
    await rooms.store.write(() => rooms.store.entries.drop(room, upTo));
    const kept = rooms.forward(room, 1);
    assert.deepEqual(kept, offsets.slice(-kept.length));
    const gone = offsets.slice(0, offsets.length - kept.length);
    assert.ok(
      gone.every((offset) => offset <= upTo),
      "nothing above the bound is dropped",
    );
    dropped += offsets.length - kept.length;
    model.set(room, kept);
  }
  assert.ok(dropped > 100);
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

test("the bytes of a block are entries as core reads them", () => {
  const table = new BlockTable(new MemoryDisk().open().meta);
  assert.deepEqual([...table.forward(1, 1)], []);
  assert.throws(() => entriesOf(Buffer.of(0, 0, 0, 9, 1), 1), /cut off/);
});
