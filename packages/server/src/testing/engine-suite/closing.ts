import assert from "node:assert/strict";
import type { RoomId } from "../../core/index.js";
import { aRoom, type Define, otherRoom, withCode } from "./setup.js";

export function closingSuite(define: Define): void {
  define("close may be called twice, and finishes the appends that were taken", async (bench) => {
    const appends = Promise.all(Array.from({ length: 50 }, () => bench.append("x")));
    await Promise.all([bench.engine.close(), bench.engine.close()]);
    await bench.engine.close();
    assert.equal((await appends).length, 50);
  });

  define(
    "SHUTTING_DOWN for a send after close, and nothing is stored",
    async (bench) => {
      await bench.fill(1);
      await bench.engine.close();
      await assert.rejects(bench.append("x"), withCode("SHUTTING_DOWN"));
      await bench.reopen();
      assert.deepEqual(await bench.offsets(), [1]);
    },
    { needs: "refuses sends after close" },
  );

  define(
    "what was acknowledged is there after a reopening: epoch, positions, bodies, rooms and their order",
    async (bench) => {
      await bench.fill(3);
      await bench.fill(2, otherRoom);
      const before = await bench.engine.log.list("", "", 10);
      await bench.reopen();
      assert.deepEqual(await bench.engine.log.list("", "", 10), before);
      assert.deepEqual(await bench.offsets(), [1, 2, 3]);
      await bench.fill(1, "new.room" as RoomId);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets("new.room" as RoomId), [1]);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4]);
      assert.deepEqual(await bench.offsets(otherRoom), [1, 2]);
    },
    { needs: "survives a reopening" },
  );

  define(
    "a key is still known after a reopening",
    async (bench) => {
      const first = await bench.append("x", { dedupeKey: "k" });
      await bench.reopen();
      assert.deepEqual(await bench.append("x", { dedupeKey: "k" }), { ...first, isDuplicate: true });
    },
    { needs: "survives a reopening" },
  );

  define(
    "maxRooms counts the rooms of before a reopening",
    async (bench) => {
      await bench.fill(1);
      await bench.fill(1, otherRoom);
      await bench.reopen();
      await assert.rejects(bench.append("x", { room: "third" as RoomId }), withCode("TOO_MANY_ROOMS"));
      assert.equal((await bench.append("x", { room: aRoom })).position.offset, 2);
    },
    { limits: { maxRooms: 2 }, needs: "survives a reopening" },
  );

  define(
    "the top of a trimmed room is still there after a reopening",
    async (bench) => {
      await bench.fill(4);
      await bench.reopen();
      const { oldest, newest, messages } = await bench.engine.log.state(aRoom);
      assert.deepEqual([oldest, newest, messages], [4, 4, 1]);
    },
    { retention: { maxMessages: 1 }, needs: "trims by count" },
  );
}
