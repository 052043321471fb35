import assert from "node:assert/strict";
import type { LogEntry, PresenceChange, RoomListener, Run, Signal } from "../../core/index.js";
import { aRoom, type Define, otherRoom } from "./setup.js";

/** A listener that keeps what it hears. */
export class Listening implements RoomListener {
  readonly heard: LogEntry[] = [];
  readonly signals: Signal[] = [];
  erasures = 0;
  /** Each change as `+ann` or `-ann`, and the room's members after each run of them. */
  readonly changes: string[] = [];
  readonly counts: number[] = [];

  get offsets(): number[] {
    return this.heard.map(({ offset }) => offset);
  }

  entries(_epoch: number, run: Run): void {
    this.heard.push(...run.entries);
  }

  interrupted(): void {
    // Listeners that count on the log, as Room does, would compare it now.
  }

  erased(): void {
    this.erasures++;
  }

  signal(signal: Signal): void {
    this.signals.push(signal);
  }

  presence(changes: readonly PresenceChange[], members: number): void {
    this.changes.push(...changes.map(({ user, isPresent }) => `${isPresent ? "+" : "-"}${user}`));
    this.counts.push(members);
  }
}

export function busSuite(define: Define): void {
  define("the bus has an entry before its append resolves, in order, whole", async (bench) => {
    const listening = new Listening();
    const unwatch = await bench.engine.bus.watch(aRoom, listening);
    const appends = Array.from({ length: 200 }, async (_, i) => {
      const { position } = await bench.append(String(i));
      assert.ok(listening.offsets.includes(position.offset));
    });
    await Promise.all(appends);
    assert.deepEqual(
      listening.offsets,
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    const { entries } = (await bench.engine.log.readForward(aRoom, 0, { maxEntries: 1_000, maxBytes: 1_000_000 })).run;
    assert.ok(entries.every(({ body }, i) => Buffer.compare(body, listening.heard[i]?.body ?? Buffer.alloc(0)) === 0));
    unwatch();
  });

  define("what was stored before the watch is not heard, and what is sent from its promise on is", async (bench) => {
    await bench.fill(2);
    const listening = new Listening();
    await bench.engine.bus.watch(aRoom, listening);
    await bench.fill(2);
    assert.deepEqual(listening.offsets, [3, 4]);
  });

  define("a duplicate is not heard", async (bench) => {
    const listening = new Listening();
    await bench.engine.bus.watch(aRoom, listening);
    await Promise.all([bench.append("x", { dedupeKey: "k" }), bench.append("x", { dedupeKey: "k" })]);
    await bench.append("x", { dedupeKey: "k" });
    assert.deepEqual(listening.offsets, [1]);
  });

  define("each listener hears its own room, until it stops", async (bench) => {
    const [one, two, other] = [new Listening(), new Listening(), new Listening()];
    const stop = await bench.engine.bus.watch(aRoom, one);
    await bench.engine.bus.watch(aRoom, two);
    await bench.engine.bus.watch(otherRoom, other);
    await bench.fill(1);
    stop();
    stop();
    await bench.fill(1);
    await bench.fill(1, otherRoom);
    assert.deepEqual([one.offsets, two.offsets, other.offsets], [[1], [1, 2], [1]]);
  });

  define("a signal is heard by the listeners of its room, and is not stored", async (bench) => {
    const [one, two, other] = [new Listening(), new Listening(), new Listening()];
    for (const listening of [one, two]) await bench.engine.bus.watch(aRoom, listening);
    await bench.engine.bus.watch(otherRoom, other);
    const payload = { typeUrl: "a/b", value: Uint8Array.of(1, 2) };
    const signal = { user: "ann", room: aRoom, kind: "read", position: { epoch: 1, offset: 5 }, payload };
    bench.engine.bus.signal(signal);
    await bench.fill(1);
    // What a network brings may come later than the answer to an append that was made after it.
    while (one.signals.length === 0 || two.signals.length === 0) await new Promise(setImmediate);
    assert.deepEqual([one.signals, two.signals, other.signals], [[signal], [signal], []]);
    assert.deepEqual(await bench.offsets(), [1]);
  });
}
