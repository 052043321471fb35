import assert from "node:assert/strict";
import type { Retention } from "../../core/index.js";
import { aRoom, type Bench, type Define, otherRoom, withCode } from "./setup.js";

const none = { maxMessages: undefined, maxAgeMs: undefined, maxBytes: undefined };

async function ownOf({ engine }: Bench, room = aRoom): Promise<Retention> {
  const { own } = await engine.log.retentionOf(room);
  return { ...none, ...own };
}

/** Resolves when the room has these offsets; the engine trims by itself, or with the next message. */
async function untilOffsets(bench: Bench, expected: readonly number[]): Promise<void> {
  for (let left = 500; ; left--) {
    const offsets = await bench.offsets();
    if (String(offsets) === String(expected) || left === 0) {
      assert.deepEqual(offsets, expected);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Rooms have their own bounds. */
export function roomBoundsSuite(define: Define): void {
  define("a room has its own bounds until it gets others or goes, and other rooms have none", async (bench) => {
    await assert.rejects(bench.engine.log.setRetention(aRoom, { maxMessages: 1 }), withCode("OUT_OF_RANGE"));
    assert.deepEqual(await ownOf(bench), none);
    await bench.fill(1);
    await bench.append("x", { room: otherRoom });
    await bench.engine.log.setRetention(aRoom, { maxMessages: 7, maxAgeMs: 3_600_000, maxBytes: 2 ** 40 });
    assert.deepEqual(await ownOf(bench), { maxMessages: 7, maxAgeMs: 3_600_000, maxBytes: 2 ** 40 });
    assert.deepEqual(await ownOf(bench, otherRoom), none);
    await bench.engine.log.setRetention(aRoom, { maxBytes: 1_000 });
    assert.deepEqual(await ownOf(bench), { ...none, maxBytes: 1_000 });
    await bench.engine.log.setRetention(aRoom, {});
    assert.deepEqual(await ownOf(bench), none);
    await bench.engine.log.setRetention(aRoom, { maxMessages: 7 });
    await bench.engine.log.remove(aRoom);
    assert.deepEqual(await ownOf(bench), none);
    await bench.fill(1);
    assert.deepEqual(await ownOf(bench), none);
  });

  define(
    "a room keeps to its own count at once, and with each message; others keep all",
    async (bench) => {
      await bench.fill(20);
      await bench.fill(20, otherRoom);
      await bench.engine.log.setRetention(aRoom, { maxMessages: 5 });
      await untilOffsets(bench, [16, 17, 18, 19, 20]);
      await bench.fill(3);
      assert.deepEqual(await bench.offsets(), [19, 20, 21, 22, 23]);
      assert.equal((await bench.offsets(otherRoom)).length, 20);
    },
    { sweepIntervalMs: 20, needs: "trims by count" },
  );

  define(
    "many messages beyond a new bound go without a send",
    async (bench) => {
      for (let at = 0; at < 20; at++)
        await bench.engine.log.appendAll(
          aRoom,
          Array.from({ length: 100 }, () => bench.entry("x")),
        );
      await bench.engine.log.setRetention(aRoom, { maxBytes: 1 });
      await untilOffsets(bench, [2_000]);
    },
    { sweepIntervalMs: 20, needs: "trims by bytes" },
  );

  define(
    "of the configuration's bounds and the room's own the narrower ones hold",
    async (bench) => {
      await bench.fill(10);
      await bench.engine.log.setRetention(aRoom, { maxMessages: 100 });
      const { effective } = await bench.engine.log.retentionOf(aRoom);
      assert.equal(effective.maxMessages, 4);
      await bench.fill(1);
      assert.equal((await bench.offsets()).length, 4);
      await bench.engine.log.setRetention(aRoom, { maxMessages: 2 });
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [11, 12]);
      await bench.engine.log.setRetention(aRoom, {});
      await bench.fill(5);
      assert.equal((await bench.offsets()).length, 4);
    },
    { retention: { maxMessages: 4 }, needs: "trims by count" },
  );

  define(
    "a room that is not written to keeps to its own age, goes away, and its bounds with it",
    async (bench) => {
      await bench.fill(2);
      await bench.append("stays", { room: otherRoom });
      await bench.engine.log.setRetention(aRoom, { maxAgeMs: 100_000 });
      bench.clock.advance(50_000);
      await bench.append("new");
      await bench.engine.log.state(aRoom);
      assert.deepEqual(await bench.offsets(), [1, 2, 3]);
      bench.clock.advance(60_000);
      await untilOffsets(bench, [3]);
      bench.clock.advance(60_000);
      for (let left = 500; (await bench.engine.log.list("", "", 10)).length > 1; left--) {
        assert.ok(left > 0, "the room does not go away");
        bench.clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual(await bench.offsets(otherRoom), [1]);
      await bench.fill(1);
      assert.deepEqual(await ownOf(bench), none);
    },
    { sweepIntervalMs: 20, limits: { emptyRoomMs: 1_000 }, needs: ["trims by age", "removes rooms"] },
  );

  define(
    "a room has its own bounds after a reopening",
    async (bench) => {
      await bench.fill(3);
      await bench.engine.log.setRetention(aRoom, { maxMessages: 2, maxAgeMs: 3_600_000 });
      await bench.reopen();
      assert.deepEqual(await ownOf(bench), { ...none, maxMessages: 2, maxAgeMs: 3_600_000 });
      await bench.fill(3);
      assert.deepEqual(await bench.offsets(), [5, 6]);
      await bench.engine.log.remove(aRoom);
      await bench.fill(1);
      await bench.reopen();
      assert.deepEqual(await ownOf(bench), none);
    },
    { needs: ["survives a reopening", "trims by count"] },
  );

  define(
    "all nodes keep to a room's own bounds",
    async (bench) => {
      await bench.fill(5);
      const node = await bench.anotherNode();
      await bench.engine.log.setRetention(aRoom, { maxMessages: 2 });
      assert.equal((await node.log.retentionOf(aRoom)).own.maxMessages, 2);
      await node.log.append(aRoom, bench.entry("x"));
      assert.deepEqual(await bench.offsets(), [5, 6]);
    },
    { needs: ["has nodes", "trims by count"] },
  );
}
