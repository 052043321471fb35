import assert from "node:assert/strict";
import { Random } from "@confab/contract/testing/random";
import type { LogPage, RoomId } from "../../core/index.js";
import { aRoom, type Define, otherRoom, wholePage } from "./setup.js";

function offsetsOf({ run }: LogPage): number[] {
  return run.entries.map(({ offset }) => offset);
}

function offsets(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

export function readingSuite(define: Define): void {
  define("forward reads what follows, backward what comes before, both oldest first", async (bench) => {
    await bench.fill(5);
    await bench.fill(2, otherRoom);
    const { log } = bench.engine;
    const forward = async (after: number) => offsetsOf(await log.readForward(aRoom, after, wholePage));
    const backward = async (before: number) => offsetsOf(await log.readBackward(aRoom, before, wholePage));
    assert.deepEqual(await forward(0), [1, 2, 3, 4, 5]);
    assert.deepEqual(await forward(3), [4, 5]);
    assert.deepEqual(await forward(5), []);
    assert.deepEqual(await forward(1_000_000), []);
    assert.deepEqual(await forward(Number.MAX_SAFE_INTEGER), []);
    assert.deepEqual(await backward(1), []);
    assert.deepEqual(await backward(0), []);
    assert.deepEqual(await backward(3), [1, 2]);
    assert.deepEqual(await backward(6), [1, 2, 3, 4, 5]);
    assert.deepEqual(await backward(Number.MAX_SAFE_INTEGER), [1, 2, 3, 4, 5]);
  });

  define("a page says what the room holds", async (bench) => {
    await bench.fill(3);
    const state = await bench.engine.log.state(aRoom);
    for (const page of [
      await bench.engine.log.readForward(aRoom, 1, wholePage),
      await bench.engine.log.readBackward(aRoom, 2, wholePage),
    ]) {
      const { run, ...said } = page;
      assert.equal(run.count > 0, true);
      assert.deepEqual(said, state);
    }
  });

  define("a page ends at maxEntries, and after the entry that reaches maxBytes", async (bench) => {
    const { log } = bench.engine;
    const body = new Uint8Array(100);
    for (let i = 0; i < 6; i++) await log.append(aRoom, { body, sentAtMs: 1, dedupeKey: undefined });
    const lengths = async (maxEntries: number, maxBytes: number) => [
      (await log.readForward(aRoom, 0, { maxEntries, maxBytes })).run.count,
      (await log.readBackward(aRoom, 7, { maxEntries, maxBytes })).run.count,
    ];
    assert.deepEqual(await lengths(2, 10_000), [2, 2]);
    assert.deepEqual(await lengths(1, 10_000), [1, 1]);
    assert.deepEqual(await lengths(10, 1), [1, 1], "one entry always fits");
    assert.deepEqual(await lengths(10, 100), [1, 1]);
    assert.deepEqual(await lengths(10, 101), [2, 2]);
    assert.deepEqual(await lengths(10, 300), [3, 3]);
    assert.deepEqual(await lengths(10, 10_000), [6, 6]);
    assert.deepEqual(offsetsOf(await log.readBackward(aRoom, 7, { maxEntries: 2, maxBytes: 10_000 })), [5, 6]);
  });

  define("any page of any size is a run of the whole, without a gap", async (bench) => {
    const newest = 300;
    await Promise.all(offsets(1, newest).map((i) => bench.append("x".repeat(i % 50))));
    const random = new Random(1);
    for (let i = 0; i < 200; i++) {
      const bounds = { maxEntries: random.int(1, 40), maxBytes: random.int(1, 2_000) };
      const from = random.int(0, newest + 2);
      const forward = offsetsOf(await bench.engine.log.readForward(aRoom, from, bounds));
      assert.deepEqual(forward, offsets(from + 1, from + forward.length));
      assert.equal(forward.length > 0, from < newest);
      const backward = offsetsOf(await bench.engine.log.readBackward(aRoom, from, bounds));
      const last = Math.min(from - 1, newest);
      assert.deepEqual(backward, offsets(last - backward.length + 1, last));
      assert.equal(backward.length > 0, from > 1);
    }
  });

  define("what is read is durable: nothing is shown before its append resolves", async (bench) => {
    const shown: number[] = [];
    let acknowledged = 0;
    // The first message of a room is the case that needs care: nothing is known of the room before.
    const appending = bench.append("x").then(() => {
      acknowledged = 1;
    });
    for (let turn = 0; turn < 1_000 && acknowledged === 0; turn++) {
      const { newest } = await bench.engine.log.state(aRoom);
      const listed = await bench.engine.log.list("", "", 1);
      if (acknowledged === 0) shown.push(newest + listed.length);
      await new Promise(setImmediate);
    }
    await appending;
    // An engine that answers over a network may see its own write a moment before its acknowledgement comes back.
    assert.ok(shown.slice(0, -2).every((newest) => newest === 0));
    assert.equal((await bench.engine.log.state(aRoom)).newest, 1);
  });

  define("rooms are listed by name, by prefix, a page at a time", async (bench) => {
    const names = ["b.2", "a", "b", "b.1", "B", "b-1", "c", "0", "b_1", "b.10", "bb"] as RoomId[];
    for (const room of names) await bench.append("x", { room });
    await bench.append("x", { room: "b" as RoomId });
    const list = async (prefix: string, after: string, limit: number) =>
      (await bench.engine.log.list(prefix, after, limit)).map(({ room }) => room);
    const sorted = [...names].sort();
    assert.deepEqual(await list("", "", 100), sorted);
    assert.deepEqual(
      await list("b", "", 100),
      sorted.filter((room) => room.startsWith("b")),
    );
    assert.deepEqual(await list("b.1", "", 100), ["b.1", "b.10"]);
    assert.deepEqual(await list("x", "", 100), []);
    assert.deepEqual(await list("ä", "", 100), []);
    assert.deepEqual(await list("b", "c", 100), [], "after the last of the prefix");
    assert.deepEqual(await list("b", "a", 1), ["b"], "before the first of the prefix");
    const paged: string[] = [];
    for (let page = await list("b", "", 2); page.length > 0; page = await list("b", paged.at(-1) ?? "", 2)) {
      paged.push(...page);
    }
    assert.deepEqual(
      paged,
      sorted.filter((room) => room.startsWith("b")),
    );
    const [summary] = await bench.engine.log.list("b", "", 1);
    assert.deepEqual(summary, { room: "b", ...(await bench.engine.log.state("b" as RoomId)) });
    assert.equal(summary?.newest, 2);
  });
}
