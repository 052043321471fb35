import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage, encodeBody } from "@confab/contract";
import { ManualTurns } from "../testing/manual-turns.js";
import { MemoryEngine } from "../testing/memory-engine.js";
import { Deliveries } from "./deliveries.js";
import type { RoomId } from "./room-id.js";

const [den, lair] = ["den", "lair"] as RoomId[] as [RoomId, RoomId];

/** Deliveries of a memory engine to a receiver that the test moves. */
class Bench {
  readonly engine = new MemoryEngine();
  readonly turns = new ManualTurns();
  readonly outbox = this.engine.outbox("test");
  /** `room: texts` of each batch that the receiver was given. */
  readonly given: string[] = [];
  readonly taken: string[] = [];
  atATime = 2;
  readonly damaged: string[] = [];
  /** Why the receiver takes nothing of a room. */
  readonly broken = new Set<RoomId>();
  hold: Promise<void> | undefined;
  deliveries = this.open();

  open(): Deliveries {
    return new Deliveries({
      log: this.engine,
      outbox: this.outbox,
      turns: this.turns,
      roomsAtATime: () => this.atATime,
      damaged: (room, { code }) => void this.damaged.push(`${room} ${code}`),
      deliver: async (room, _epoch, run) => {
        const texts = run.entries.map(({ body }) => decodeChatMessage(body).text);
        this.given.push(`${room}: ${texts.join(" ")}`);
        await this.hold;
        if (this.broken.has(room)) throw new Error("the receiver is away");
        this.taken.push(...texts.map((text) => `${room} ${text}`));
      },
    });
  }

  async say(room: RoomId, ...texts: readonly string[]): Promise<void> {
    for (const text of texts) {
      const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs: 1 });
      await this.engine.append(room, { body, sentAtMs: 1, dedupeKey: undefined });
    }
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
}

test("what was stored before and after the start is delivered once, of each room in order", async () => {
  const bench = new Bench();
  await bench.say(den, "1", "2");
  await bench.say(lair, "a");
  bench.deliveries.start();
  await bench.say(den, "3");
  await settle();
  await bench.say(den, "4");
  await settle();
  assert.deepEqual(
    bench.taken.filter((text) => text.startsWith("den")),
    ["den 1", "den 2", "den 3", "den 4"],
  );
  assert.deepEqual(
    bench.taken.filter((text) => text.startsWith("lair")),
    ["lair a"],
  );
});

test("what is confirmed is not delivered again after a restart, and what is not is", async () => {
  const bench = new Bench();
  bench.deliveries.start();
  await bench.say(den, "1", "2");
  await settle();
  bench.broken.add(den);
  await bench.say(den, "3");
  await settle();
  await bench.deliveries.close();
  await bench.say(den, "4");
  bench.broken.clear();
  bench.deliveries = bench.open();
  bench.deliveries.start();
  await settle();
  assert.deepEqual(bench.taken, ["den 1", "den 2", "den 3", "den 4"]);
});

test("a long room is delivered in batches, and does not keep the others waiting", async () => {
  const bench = new Bench();
  await bench.say(den, ...Array.from({ length: 950 }, (_, index) => String(index)));
  for (const room of ["a", "b", "c", "d"]) await bench.say(room as RoomId, "hi");
  bench.deliveries.start();
  await settle();
  assert.equal(bench.taken.length, 954);
  assert.ok(bench.given.every((batch) => batch.split(" ").length <= 101));
  const firstOther = bench.given.findIndex((batch) => batch.startsWith("d: "));
  assert.ok(firstOther < bench.given.length - 4, "the room d came before the end of den");
  const ofDen = bench.taken.filter((text) => text.startsWith("den")).map((text) => Number(text.split(" ")[1]));
  assert.deepEqual(
    ofDen,
    Array.from({ length: 950 }, (_, index) => index),
  );
});

test("a room that the receiver does not take pauses longer each time, and the others go on", async () => {
  const bench = new Bench();
  bench.broken.add(den);
  bench.deliveries.start();
  await bench.say(den, "1");
  await bench.say(lair, "a");
  await settle();
  assert.deepEqual(bench.taken, ["lair a"]);
  const pausesMs: (number | undefined)[] = [];
  for (let at = 0; at < 12; at++) {
    pausesMs.push(bench.turns.waitsMs[0]);
    bench.turns.endWaits();
    await settle();
  }
  assert.deepEqual(pausesMs.slice(0, 5), [100, 200, 400, 800, 1_600]);
  assert.equal(pausesMs.at(-1), 30_000);
  assert.equal(bench.given.filter((batch) => batch.startsWith("den")).length, 13);
  bench.broken.clear();
  bench.turns.endWaits();
  await settle();
  assert.deepEqual(bench.taken, ["lair a", "den 1"]);
});

test("while the receiver is not worth asking nothing is read, and then everything is delivered", async () => {
  const bench = new Bench();
  bench.atATime = 0;
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  assert.deepEqual(bench.given, []);
  bench.atATime = 2;
  bench.turns.endWaits();
  await settle();
  assert.deepEqual(bench.taken, ["den 1"]);
});

test("one room finds out whether the receiver is back, and the others neither fail nor pause meanwhile", async () => {
  const bench = new Bench();
  bench.atATime = 0;
  bench.deliveries.start();
  await bench.say(den, "1");
  await bench.say(lair, "a");
  await settle();
  let release: () => void = () => undefined;
  bench.hold = new Promise((resolve) => {
    release = resolve;
  });
  bench.atATime = 1;
  bench.turns.endWaits();
  await settle();
  assert.deepEqual(bench.given, ["den: 1"]);
  bench.atATime = 2;
  release();
  await settle();
  assert.deepEqual(bench.taken, ["den 1", "lair a"]);
  assert.deepEqual(bench.turns.waitsMs, []);
});

test("a room that was read when the receiver turned out to be away is not tried, and does not pause by itself", async () => {
  const bench = new Bench();
  const read = bench.engine.readForward.bind(bench.engine);
  let reads = 0;
  bench.engine.readForward = (...asked) => {
    if (++reads === 1) bench.atATime = 0;
    return read(...asked);
  };
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  assert.deepEqual([bench.given, bench.turns.waitsMs], [[], [1_000]]);
  bench.atATime = 2;
  bench.turns.endWaits();
  await settle();
  assert.deepEqual(bench.taken, ["den 1"]);
});

test("a node that may not deliver any more confirms nothing, and goes on when it may again", async () => {
  const bench = new Bench();
  let release: () => void = () => undefined;
  bench.hold = new Promise((resolve) => {
    release = resolve;
  });
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  bench.outbox.end();
  release();
  await settle();
  assert.equal(bench.outbox.cursor(den), undefined);
  bench.outbox.scan();
  await settle();
  assert.deepEqual(bench.taken, ["den 1", "den 1"]);
  assert.equal(bench.outbox.cursor(den)?.offset, 1);
});

test("a room that failed is delivered when its node may deliver again, wherever it waited", async () => {
  const bench = new Bench();
  bench.broken.add(den);
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  // Its pause ends while nothing is delivered, and so it waits by name.
  bench.atATime = 0;
  bench.turns.endWaits();
  bench.outbox.end();
  bench.broken.clear();
  bench.atATime = 2;
  bench.turns.endWaits();
  bench.outbox.scan();
  await settle();
  assert.deepEqual(bench.taken, ["den 1"]);
});

test("a pause that ends on a node that may not deliver any more delivers nothing", async () => {
  const bench = new Bench();
  bench.broken.add(den);
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  bench.outbox.end();
  bench.broken.clear();
  bench.turns.endWaits();
  await settle();
  assert.deepEqual(bench.taken, []);
  bench.outbox.scan();
  await settle();
  assert.deepEqual(bench.taken, ["den 1"]);
});

for (const isBroken of [false, true]) {
  test(`a room that is being delivered${isBroken ? ", and fails," : ""} while its node may not and may again is delivered again`, async () => {
    const bench = new Bench();
    let release: () => void = () => undefined;
    bench.hold = new Promise((resolve) => {
      release = resolve;
    });
    if (isBroken) bench.broken.add(den);
    bench.deliveries.start();
    await bench.say(den, "1");
    await settle();
    bench.outbox.end();
    bench.outbox.scan();
    bench.hold = undefined;
    release();
    await settle();
    bench.broken.clear();
    bench.turns.endWaits();
    await settle();
    assert.equal(bench.taken.at(-1), "den 1");
    assert.equal(bench.outbox.cursor(den)?.offset, 1);
  });
}

test("after the log was put back, what there is now is delivered from where the two part", async () => {
  const bench = new Bench();
  bench.deliveries.start();
  await bench.say(den, "1", "2", "3");
  await settle();
  bench.engine.putBack(2, 9);
  await bench.say(den, "other 3");
  await settle();
  assert.deepEqual(bench.taken.slice(0, 3), ["den 1", "den 2", "den 3"]);
  assert.ok(bench.taken.includes("den other 3"));
});

test("a close waits for what is being delivered, and nothing begins after it", async () => {
  const bench = new Bench();
  let release: () => void = () => undefined;
  bench.hold = new Promise((resolve) => {
    release = resolve;
  });
  bench.deliveries.start();
  await bench.say(den, "1");
  await settle();
  const closed = bench.deliveries.close().then(() => "closed");
  assert.equal(await Promise.race([closed, settle().then(() => "open")]), "open");
  release();
  assert.equal(await closed, "closed");
  await bench.say(den, "2");
  await settle();
  assert.equal(bench.outbox.cursor(den)?.offset, 1);
  assert.deepEqual(bench.given, ["den: 1"]);
});

test("a room with a damaged log is reported once, and the others are delivered", async () => {
  const bench = new Bench();
  const read = bench.engine.readForward.bind(bench.engine);
  bench.engine.readForward = (room, ...asked) => {
    if (room === den) throw new ConfabError("DATA_LOSS", "damaged");
    return read(room, ...asked);
  };
  bench.deliveries.start();
  await bench.say(den, "1");
  await bench.say(lair, "a");
  await settle();
  for (let at = 0; at < 3; at++) {
    bench.turns.endWaits();
    await settle();
  }
  assert.deepEqual(bench.damaged, ["den DATA_LOSS"]);
  assert.deepEqual(bench.taken, ["lair a"]);
});
