import assert from "node:assert/strict";
import { aRoom, type Define, otherRoom, wholePage } from "./setup.js";

export function retentionSuite(define: Define): void {
  define(
    "by count, a room keeps its newest, and each room its own",
    async (bench) => {
      await bench.fill(10);
      await bench.fill(2, otherRoom);
      assert.deepEqual(await bench.offsets(), [8, 9, 10]);
      assert.deepEqual(await bench.offsets(otherRoom), [1, 2]);
      const { oldest, newest, messages } = await bench.engine.log.state(aRoom);
      assert.deepEqual([oldest, newest, messages], [8, 10, 3]);
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define(
    "by count, a flood in one turn is worked off, at the latest with the sends that follow",
    async (bench) => {
      await Promise.all(Array.from({ length: 2_000 }, () => bench.append("x")));
      await bench.fill(6);
      const { newest, messages } = await bench.engine.log.state(aRoom);
      assert.deepEqual([newest, messages], [2_006, 3]);
      assert.deepEqual(await bench.offsets(), [2_004, 2_005, 2_006]);
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define(
    "by count, a room does not grow while it is flooded: each flood drops more than it brings",
    async (bench) => {
      for (let flood = 0; flood < 5; flood++) {
        await Promise.all(Array.from({ length: 2_000 }, () => bench.append("x")));
      }
      const { newest, messages } = await bench.engine.log.state(aRoom);
      assert.equal(newest, 10_000);
      assert.ok(messages <= 4_000, `${messages} are kept`);
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define(
    "a page from before the oldest begins with the oldest, and says which that is",
    async (bench) => {
      await bench.fill(10);
      const page = await bench.engine.log.readForward(aRoom, 2, wholePage);
      assert.deepEqual([page.oldest, page.run.entries[0]?.offset], [8, 8]);
      assert.deepEqual((await bench.engine.log.readBackward(aRoom, 8, wholePage)).run.entries, []);
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define(
    "by bytes, a room keeps as many of its newest as fit",
    async (bench) => {
      // 300 characters and about 20 bytes around them: three fit into 1,000.
      await bench.fill(8, aRoom, 300);
      assert.deepEqual(await bench.offsets(), [6, 7, 8]);
      await bench.fill(12);
      assert.deepEqual((await bench.offsets()).at(-1), 20);
      assert.ok((await bench.offsets()).length >= 12);
    },
    { retention: { maxBytes: 1_000 }, needs: "trims by bytes" },
  );

  define(
    "the newest message is kept, however large",
    async (bench) => {
      await bench.fill(2, aRoom, 5_000);
      assert.deepEqual(await bench.offsets(), [2]);
    },
    { retention: { maxBytes: 1_000 }, needs: "trims by bytes" },
  );

  define(
    "by age, the next send drops what is older, and the top outlives the messages",
    async (bench) => {
      await bench.fill(3);
      bench.clock.advance(6_000);
      await bench.fill(2);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4, 5]);
      bench.clock.advance(5_000);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [4, 5, 6]);
      bench.clock.advance(1_000_000);
      const { position } = await bench.append("x");
      assert.equal(position.offset, 7);
      assert.deepEqual(await bench.offsets(), [7]);
    },
    { retention: { maxAgeMs: 10_000 }, needs: "trims by age" },
  );

  define(
    "each room has the bounds that the configuration gives it",
    async (bench) => {
      await bench.fill(5);
      await bench.fill(5, otherRoom);
      assert.deepEqual(await bench.offsets(), [4, 5]);
      assert.deepEqual(await bench.offsets(otherRoom), [1, 2, 3, 4, 5]);
    },
    {
      retention: { of: (room) => (room === aRoom ? { maxMessages: 2 } : {}), hasAges: false },
      needs: "trims by count",
    },
  );

  define(
    "a trimmed message is still known by its key",
    async (bench) => {
      const first = await bench.append("x", { dedupeKey: "k" });
      await bench.fill(5);
      assert.deepEqual(await bench.append("x", { dedupeKey: "k" }), { ...first, isDuplicate: true });
    },
    { retention: { maxMessages: 2 }, needs: "trims by count" },
  );
}
