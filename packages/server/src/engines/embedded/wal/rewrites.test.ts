import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { blockOf, runBackward, runForward } from "../../../core/index.js";
import { settled } from "../../../testing/manual-turns.js";
import { MemoryDisk } from "../testing/memory-disk.js";
import { MemoryWal } from "../testing/memory-wal.js";
import { appliedIn } from "./wal-marks.js";
import { WalStore } from "./wal-store.js";
import { readLeft, WriteAheadLog } from "./write-ahead-log.js";

const room = 1;
const everything = { maxEntries: 1_000_000, maxBytes: 1_000_000_000 };

/** One room on a disk in memory, and what it must have. */
class Model {
  private readonly disk = new MemoryDisk();
  private wal = new MemoryWal(this.disk, []);
  private store = this.open();
  private readonly bodies: Uint8Array[] = [];
  private oldest = 1;

  constructor(private readonly random: Random) {}

  async step(): Promise<void> {
    const { random, bodies, store } = this;
    switch (random.int(0, 6)) {
      case 0:
      case 1: {
        const added = Array.from({ length: random.int(1, 6) }, () => this.body());
        const first = bodies.length + 1;
        bodies.push(...added);
        await store.write(() => store.entries.append(room, { first, last: bodies.length, bytes: blockOf(added) }));
        break;
      }
      case 2: {
        if (this.oldest > bodies.length) break;
        const offsets = Array.from({ length: random.int(1, 3) }, () => random.int(this.oldest, bodies.length));
        const replaced = new Map(offsets.map((offset) => [offset, this.body()]));
        for (const [offset, body] of replaced) bodies[offset - 1] = body;
        await store.write(() => store.entries.rewrite(room, { bodies: replaced, cutTo: 0 }));
        break;
      }
      case 3: {
        if (this.oldest >= bodies.length) break;
        const upTo = random.int(this.oldest, bodies.length - 1);
        this.oldest = upTo + 1;
        await store.write(() => store.entries.drop(room, upTo));
        if (random.oneIn(2)) await store.write(() => store.entries.rewrite(room, { bodies: new Map(), cutTo: upTo }));
        break;
      }
      case 4:
        // What comes next comes while this is being stored.
        for (let sweeps = 0; sweeps < 5; sweeps++) store.sweep();
        break;
      case 5:
        await settled();
        break;
      case 6:
        await settled();
        this.store = this.open();
        break;
    }
  }

  check(where: string): void {
    const range = { from: this.oldest, to: this.bodies.length };
    const { entries } = this.store;
    for (const read of [
      runForward(entries.forward(room, range.from), range, everything).entries,
      runBackward(entries.backward(room, range.to), range, everything).entries,
    ])
      assert.deepEqual(
        read.map(({ offset, body }) => [offset, Buffer.from(body).toString("latin1")]),
        this.bodies
          .map((body, index) => [index + 1, Buffer.from(body).toString("latin1")] as const)
          .slice(this.oldest - 1),
        where,
      );
  }

  /** All blocks, with what was trimmed of them. */
  async scrubbed(): Promise<number> {
    const { store, oldest } = this;
    await store.write(() => store.entries.rewrite(room, { bodies: new Map(), cutTo: oldest - 1 }));
    await settled();
    await store.storeAll();
    const [block] = store.entries.forward(room, 1);
    return block?.first ?? oldest;
  }

  private body(): Uint8Array {
    return this.random.bytes(this.random.oneIn(4) ? this.random.int(1, 4_000) : this.random.int(1, 300));
  }

  private open(): WalStore {
    const below = this.disk.open();
    const { records, isCut, ...last } = readLeft(this.wal.durable, below.epoch, appliedIn(below));
    this.wal = new MemoryWal(this.disk, this.wal.durable);
    const wal = new WriteAheadLog(this.wal, { ...last, epoch: below.epoch, isFlushing: true });
    return new WalStore(below, wal, { contents: records.map(({ content }) => content), isCut });
  }
}

test("bodies that were replaced are read, whatever is stored meanwhile, and after restarts", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const model = new Model(new Random(seed));
    for (let step = 1; step <= 60; step++) {
      await model.step();
      model.check(`seed ${seed}, step ${step}`);
    }
  }
});

test("what was trimmed of a block is not in it any more once it was cut", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const model = new Model(new Random(seed));
    for (let step = 1; step <= 40; step++) await model.step();
    const first = await model.scrubbed();
    model.check(`seed ${seed}`);
    assert.equal(first, model["oldest"], `seed ${seed}`);
  }
});
