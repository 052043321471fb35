import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachSeed, Random } from "@confab/contract/testing/random";
import { settled } from "../testing/manual-turns.js";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import { Run } from "./index.js";
import { Tail } from "./tail.js";

interface Reader {
  readonly sink: RecordingSink;
  /** Where it began; undefined while the subscription is being made. */
  start: number | undefined;
  close: () => void;
  drained: () => void;
}

/** One run: everything that can happen to a room's readers, in an order that the seed decides. */
class Play {
  private readonly hub = new TestHub();
  private readonly readers: Reader[] = [];
  private readonly encodings = [new OffsetEncoding("a"), new OffsetEncoding("b")] as const;
  private newest = 0;

  constructor(private readonly random: Random) {}

  async play(steps: number): Promise<void> {
    for (let i = 0; i < steps; i++) {
      await this.step();
      await settled();
      this.checkOrder();
    }
    await this.comeToRest();
    this.checkWhole();
  }

  private async step(): Promise<void> {
    const { hub, random } = this;
    const { engine, turns } = hub;
    const reader = this.readers.length > 0 ? this.readers[random.int(0, this.readers.length - 1)] : undefined;
    switch (random.int(0, 10)) {
      case 0:
      case 1: {
        const count = random.pick([1, 1, 2, 3, 30, 300]);
        await hub.say(count);
        this.newest += count;
        return;
      }
      case 2:
      case 3:
        // Most of the time once; now and then lost or repeated, a part at a time.
        engine.deliver(random.int(0, engine.onTheWay.length), random.pick([1, 1, 1, 0, 2]));
        return;
      case 4:
      case 5:
        await turns.next();
        return;
      case 6:
        if (this.readers.length < 12) this.subscribe();
        return;
      case 7:
        engine.isSlow = random.oneIn(2);
        return;
      case 8:
        engine.isAway = random.oneIn(3);
        engine.newestShown = random.oneIn(3) ? random.int(0, this.newest) : Number.POSITIVE_INFINITY;
        if (random.oneIn(2)) turns.endWaits();
        return;
      case 9:
        if (engine.held.length > 0) engine.releaseOne(random.int(0, engine.held.length - 1));
        return;
      default:
        if (!reader) return;
        if (random.oneIn(8)) this.leave(reader);
        else if (random.oneIn(2)) reader.sink.roomForWrites = random.int(1, 3);
        else this.drain(reader);
    }
  }

  private subscribe(): void {
    const { hub, random } = this;
    const sink = new RecordingSink(random.pick(this.encodings));
    let hasLeft = false;
    const reader: Reader = {
      sink,
      start: undefined,
      close: () => {
        hasLeft = true;
      },
      drained: () => {
        // Nothing was written to it yet.
      },
    };
    this.readers.push(reader);
    const from = random.oneIn(2)
      ? { history: random.pick([0, 0, 5, 1_000]) }
      : { after: { epoch: 7, offset: random.int(0, this.newest) } };
    const user = random.pick(["", "ann", "bob"]);
    void hub.subscribe(sink, { ...from, user }).then(
      ({ subscription, position }) => {
        assert.deepEqual(sink.offsets, [], "nothing came before the position");
        reader.start = position.offset;
        reader.close = () => subscription.close();
        reader.drained = () => subscription.drained();
        if (hasLeft) subscription.close();
      },
      (error) => {
        // Where the newest messages begin is asked of the log: while that is away, the reader has to come again.
        assert.equal(error.code, "ENGINE_UNAVAILABLE");
        if (this.readers.includes(reader)) this.readers.splice(this.readers.indexOf(reader), 1);
      },
    );
  }

  private leave(reader: Reader): void {
    reader.close();
    const given = reader.sink.offsets.length;
    this.readers.splice(this.readers.indexOf(reader), 1);
    assert.equal(reader.sink.offsets.length, given);
  }

  private drain({ sink, drained }: Reader): void {
    sink.roomForWrites = this.random.oneIn(2) ? Number.POSITIVE_INFINITY : this.random.int(1, 3);
    drained();
  }

  private checkOrder(): void {
    for (const { sink, start } of this.readers) {
      assert.equal(sink.endedWith, undefined);
      if (start !== undefined) assert.deepEqual(sink.offsets, offsets(start + 1, start + sink.offsets.length));
    }
  }

  /** The network heals, all sockets drain, and one more message shows what was lost. */
  private async comeToRest(): Promise<void> {
    const { hub, readers } = this;
    hub.engine.isSlow = false;
    hub.engine.isAway = false;
    hub.engine.newestShown = Number.POSITIVE_INFINITY;
    await this.releaseAll();
    await hub.say(1);
    this.newest++;
    hub.engine.deliver();
    await hub.turns.untilIdle();
    hub.turns.endWaits();
    await hub.turns.untilIdle();
    for (const { sink, drained } of readers) {
      sink.roomForWrites = Number.POSITIVE_INFINITY;
      drained();
    }
    await hub.turns.untilIdle();
  }

  private async releaseAll(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      this.hub.engine.releaseAll();
      await settled();
    }
  }

  private checkWhole(): void {
    for (const { sink, start } of this.readers) {
      assert.ok(start !== undefined);
      assert.deepEqual(sink.offsets, offsets(start + 1, this.newest));
    }
    const room = this.hub.hub.roomInUse(lobby);
    assert.equal(room?.subscriberCount ?? 0, this.readers.length);
    assert.equal(this.hub.engine.watchersOf(lobby), this.readers.length > 0 ? 1 : 0);
  }
}

test("every reader gets every message after its start once and in order, whatever happens in whatever order", async () => {
  for (let seed = 1; seed <= 120; seed++) {
    try {
      await new Play(new Random(seed)).play(100);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
});

test("what a bus repeats and loses in one turn is told apart by the offsets, not by their number", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.say(3);
  // 1 twice, 2 lost, 3 once: three entries, and the last is three above the top.
  hub.engine.deliver(1, 2);
  hub.engine.deliver(1, 0);
  hub.engine.deliver(1);
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 2, 3]);
});

test("entries that come once more after later ones are passed over, and nothing later is forgotten", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.say(3);
  const again = hub.engine.onTheWay.slice(0, 2);
  hub.engine.deliver();
  hub.engine.onTheWay.push(...again);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 2, 3]);
});

// The reader asked again every turn, which kept the event loop busy until somebody wrote to the room.
test("a reader that knows of a message the bus has lost waits without turning, and goes on with the next one", async () => {
  const hub = new TestHub();
  const live = await hub.reader();
  await hub.sayAndDeliver(4);
  await hub.say(1);
  hub.engine.deliver(1, 0);
  const { sink, position } = await hub.reader();
  assert.equal(position.offset, 5);
  assert.ok(hub.turns.isIdle);
  await hub.sayAndDeliver(1);
  assert.deepEqual([live.sink.offsets, sink.offsets], [offsets(1, 6), [6]]);
});

// Each step found the top moved on: with a message in every turn a reader that came back never joined the fan-out again.
test("a reader that comes back to a busy room goes live although the top moves every turn", async () => {
  const hub = new TestHub();
  const readers = await Promise.all(offsets(1, 100).map(() => hub.reader({ history: 0 })));
  for (const { sink } of readers) sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  for (const { sink, subscription } of readers) {
    sink.roomForWrites = Number.POSITIVE_INFINITY;
    subscription.drained();
  }
  for (let turn = 0; turn < 50; turn++) {
    await hub.say(1);
    hub.engine.deliver();
    await hub.turns.next();
  }
  assert.deepEqual(new Set(readers.map(({ subscription }) => subscription.state)), new Set(["live"]));
});

test("a sink that dies while it takes bytes stays closed, live or catching up", async () => {
  for (const isLive of [true, false]) {
    const hub = new TestHub();
    await hub.sayAndDeliver(3);
    const sink = new RecordingSink();
    const { subscription } = await hub.subscribe(sink, { user: "ann", history: isLive ? 0 : 3 });
    if (isLive) await hub.turns.untilIdle();
    sink.write = () => {
      subscription.close();
      return false;
    };
    await hub.sayAndDeliver(1);
    assert.equal(subscription.state, "closed");
    subscription.drained();
    await hub.turns.untilIdle();
    assert.equal(hub.hub.roomInUse(lobby), undefined);
  }
});

test("a message the log cannot give back ends the readers who need it, and nobody else", async () => {
  const hub = new TestHub();
  const live = await hub.reader();
  const lagging = await hub.reader();
  lagging.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await hub.sayAndDeliver(1_000);
  const { readForward } = hub.engine;
  hub.engine.readForward = () => Promise.reject(new Error("a bug in the engine"));
  lagging.subscription.drained();
  await hub.turns.untilIdle();
  hub.engine.readForward = readForward;
  await hub.sayAndDeliver(1);
  assert.deepEqual([lagging.sink.endedWith?.code, live.sink.offsets.at(-1)], ["INTERNAL", 1_002]);
});

test("the tail gives back what it keeps, is bounded by count and bytes, and says when it does not know", () => {
  forEachSeed(300, (random) => {
    const tail = new Tail();
    const all: Uint8Array[] = [];
    for (let i = random.int(0, 60); i > 0; i--) {
      const bodies = Array.from({ length: random.int(1, 40) }, () =>
        new Uint8Array(random.pick([10, 100, 20_000])).fill(random.int(1, 255)),
      );
      tail.push(Run.of(all.length + 1, bodies));
      all.push(...bodies);
    }
    const cursor = random.int(0, all.length);
    const limit = random.int(1, 300);
    const run = tail.after(cursor, limit);
    if (run) {
      const wanted = all.slice(cursor, cursor + limit).map((body, index) => [cursor + index + 1, Buffer.from(body)]);
      assert.deepEqual(
        run.entries.map(({ offset, body }) => [offset, Buffer.from(body)]),
        wanted,
      );
    }
    const kept = tail.after(0, 1) ? all.length : 512;
    assert.ok(kept <= 512 && (tail.after(all.length - 1, 1)?.count ?? 0) <= 1);
    tail.clear();
    assert.equal(tail.after(cursor, limit), undefined);
  });
});
