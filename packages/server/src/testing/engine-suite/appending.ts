import assert from "node:assert/strict";
import { ConfabError, decodeChatMessage } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import { aRoom, type Define, otherRoom, wholePage, withCode } from "./setup.js";

const windowMs = 60_000;

export function appendingSuite(define: Define): void {
  define("a room without a message has an epoch and nothing else", async ({ engine }) => {
    const { epoch, ...rest } = await engine.log.state(aRoom);
    assert.ok(Number.isInteger(epoch) && epoch >= 1 && epoch <= 0xffff_ffff);
    assert.deepEqual(rest, { oldest: 1, newest: 0, messages: 0 });
    assert.deepEqual((await engine.log.readForward(aRoom, 0, wholePage)).run.entries, []);
    assert.deepEqual((await engine.log.readBackward(aRoom, 1, wholePage)).run.entries, []);
    assert.deepEqual(await engine.log.list("", "", 10), []);
  });

  define("offsets begin at 1 in each room and rise by one, in the epoch that the room had before", async (bench) => {
    const { epoch } = await bench.engine.log.state(aRoom);
    const other = await bench.engine.log.state(otherRoom);
    for (let offset = 1; offset <= 5; offset++) {
      for (const room of [aRoom, otherRoom]) {
        const { position, sentAtMs, isDuplicate } = await bench.append("hi", { room });
        assert.deepEqual(position, { epoch: room === aRoom ? epoch : other.epoch, offset });
        assert.deepEqual([sentAtMs, isDuplicate], [bench.clock.nowMs(), false]);
      }
    }
    assert.deepEqual(await bench.engine.log.state(aRoom), { epoch, oldest: 1, newest: 5, messages: 5 });
  });

  define(
    "each room has a separate epoch, before its first message and after it, and keeps it",
    async (bench) => {
      const rooms = [aRoom, otherRoom, ...Array.from({ length: 20 }, (_, at) => `room-${at}` as RoomId)];
      const epochs = async () => {
        const states = await Promise.all(rooms.map((room) => bench.engine.log.state(room)));
        return states.map(({ epoch }) => epoch);
      };
      const before = await epochs();
      assert.equal(new Set(before).size, rooms.length);
      for (const [at, room] of rooms.entries()) {
        const { position } = await bench.append("hi", { room });
        assert.deepEqual(position, { epoch: before[at], offset: 1 });
      }
      assert.deepEqual(await epochs(), before);
      await bench.reopen();
      assert.deepEqual(await epochs(), before);
    },
    { needs: ["gives each room an epoch", "survives a reopening"] },
  );

  define("appends of one turn have the order of their calls, in every room", async (bench) => {
    const rooms = [aRoom, otherRoom, "third" as RoomId];
    const appends = Array.from({ length: 900 }, (_, i) => bench.append(String(i), { room: rooms[i % 3] ?? aRoom }));
    const appended = await Promise.all(appends);
    assert.deepEqual(
      appended.map(({ position }) => position.offset),
      appended.map((_, i) => Math.floor(i / 3) + 1),
    );
    for (const [first, room] of rooms.entries()) {
      const { entries } = (await bench.engine.log.readForward(room, 0, wholePage)).run;
      const texts = entries.map(({ body }) => decodeChatMessage(body).text);
      assert.deepEqual(
        texts,
        Array.from({ length: 300 }, (_, i) => String(i * 3 + first)),
      );
    }
  });

  define(
    "an entry that may not be a room's first is refused where there is no room, and appended where there is one",
    async (bench) => {
      const refusal = new ConfabError("PERMISSION_DENIED", "not this one");
      const follow = (text: string, room = aRoom) =>
        bench.engine.log.append(room, { ...bench.entry(text), refuseFirst: () => refusal });
      await assert.rejects(follow("a"), refusal);
      assert.equal((await bench.engine.log.state(aRoom)).newest, 0);
      await assert.rejects(follow("b"), refusal);
      assert.deepEqual(await bench.engine.log.list("", "", 10), []);
      await bench.append("first");
      assert.equal((await follow("c")).position.offset, 2);
      await bench.append("third");
      await assert.rejects(follow("d", otherRoom), refusal);
      assert.deepEqual(await bench.offsets(), [1, 2, 3]);
    },
  );

  define(
    "of the appends of one turn, those before a new room's first are refused, and those after it follow it",
    async (bench) => {
      const refusal = new ConfabError("PERMISSION_DENIED", "not this one");
      const outcomes = await Promise.allSettled(
        ["a", "b", "first", "c", "d", "e"].map((text) => {
          const entry = bench.entry(text, text === "d" || text === "b" ? `ann\0${text}` : undefined);
          const isFree = text === "first" || text === "e";
          return bench.engine.log.append(aRoom, { ...entry, refuseFirst: isFree ? undefined : () => refusal });
        }),
      );
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.position.offset : outcome.reason)),
        [refusal, refusal, 1, 2, 3, 4],
      );
      const { entries } = (await bench.engine.log.readForward(aRoom, 0, wholePage)).run;
      assert.deepEqual(
        entries.map(({ body }) => decodeChatMessage(body).text),
        ["first", "c", "d", "e"],
      );
      const again = await bench.engine.log.append(aRoom, { ...bench.entry("d", "ann\0d"), refuseFirst: () => refusal });
      assert.deepEqual([again.position.offset, again.isDuplicate], [3, true]);
    },
  );

  define("a body comes back as it was, from one byte to a megabyte", async (bench) => {
    const bodies = [1, 100, 4_096, 70_000, 1_048_576].map((length) => new Uint8Array(length).fill(length % 251));
    for (const body of bodies) {
      await bench.engine.log.append(aRoom, { body, sentAtMs: bench.clock.nowMs(), dedupeKey: undefined });
    }
    const { entries } = (await bench.engine.log.readForward(aRoom, 0, wholePage)).run;
    assert.deepEqual(
      entries.map(({ body }, i) => Buffer.compare(body, bodies[i] ?? Buffer.alloc(0))),
      bodies.map(() => 0),
    );
  });

  define("the same key again is the first one's position and time, and nothing is stored", async (bench) => {
    const first = await bench.append("one", { dedupeKey: "ann\0 1" });
    bench.clock.advance(1_000);
    assert.deepEqual(await bench.append("two", { dedupeKey: "ann\0 1" }), { ...first, isDuplicate: true });
    assert.deepEqual(await bench.offsets(), [1]);
    assert.equal((await bench.append("three")).position.offset, 2);
  });

  define("the same key twice in one turn is stored once", async (bench) => {
    const all = await Promise.all([1, 2, 3].map(() => bench.append("x", { dedupeKey: "ann\0 1" })));
    assert.deepEqual(
      all.map(({ position, isDuplicate }) => [position.offset, isDuplicate]),
      [
        [1, false],
        [1, true],
        [1, true],
      ],
    );
    assert.deepEqual(await bench.offsets(), [1]);
  });

  define("the same key while the first is being stored waits for it, and is its duplicate", async (bench) => {
    const sends = [bench.append("x", { dedupeKey: "k" })];
    // Each in a turn of its own: some meet the first one in flight, the last ones find it stored.
    for (let i = 0; i < 20; i++) {
      await new Promise(setImmediate);
      sends.push(bench.append("x", { dedupeKey: "k" }));
    }
    const all = await Promise.all(sends);
    assert.deepEqual(new Set(all.map(({ position }) => position.offset)), new Set([1]));
    assert.equal(all.filter(({ isDuplicate }) => isDuplicate).length, 20);
  });

  define("another key, another room, and no key at all are no duplicates", async (bench) => {
    const all = [
      await bench.append("x", { dedupeKey: "ann\0 1" }),
      await bench.append("x", { dedupeKey: "bob\0 1" }),
      await bench.append("x", { dedupeKey: "ann\0 11" }),
      await bench.append("x", { dedupeKey: "ann\0 1", room: otherRoom }),
      await bench.append("x"),
      await bench.append("x"),
    ];
    assert.ok(all.every(({ isDuplicate }) => !isDuplicate));
    assert.deepEqual(await bench.offsets(), [1, 2, 3, 4, 5]);
  });

  define("a key of the longest user and id the contract allows is told from its neighbours", async (bench) => {
    const user = "\u{1f600}".repeat(64);
    const keys = [`${user}\0${"~".repeat(64)}`, `${user}\0${"~".repeat(63)}`, `${user}\0${"~".repeat(63)}!`];
    for (const isDuplicate of [false, true]) {
      for (const dedupeKey of keys) assert.equal((await bench.append("x", { dedupeKey })).isDuplicate, isDuplicate);
    }
  });

  define(
    "a key is remembered for its window at the least, whenever the window began",
    async (bench) => {
      for (let i = 0; i < 8; i++) {
        await bench.append("x", { dedupeKey: `k${i}` });
        bench.clock.advance(windowMs - 1);
        assert.ok((await bench.append("x", { dedupeKey: `k${i}` })).isDuplicate);
        bench.clock.advance(7_777);
      }
    },
    { dedupeWindowMs: windowMs },
  );

  define(
    "a key is forgotten after twice its window, and what was stored stays",
    async (bench) => {
      await bench.append("x", { dedupeKey: "k" });
      bench.clock.advance(2 * windowMs + 1);
      const { position, isDuplicate } = await bench.append("x", { dedupeKey: "k" });
      assert.deepEqual([position.offset, isDuplicate], [2, false]);
      assert.deepEqual(await bench.offsets(), [1, 2]);
    },
    { dedupeWindowMs: windowMs, needs: "forgets ids after the window" },
  );

  define(
    "OVERLOADED past maxPendingSends: what was taken is stored, and room is again when it is",
    async (bench) => {
      const outcomes = await Promise.allSettled(Array.from({ length: 15 }, () => bench.append("x")));
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        Array.from({ length: 15 }, (_, i) => (i < 10 ? "fulfilled" : "rejected")),
      );
      const refused = outcomes.at(-1);
      assert.ok(refused?.status === "rejected" && withCode("OVERLOADED")(refused.reason));
      assert.equal((await bench.append("x")).position.offset, 11);
    },
    { limits: { maxPendingSends: 10 }, needs: "bounds its pending sends" },
  );

  define(
    "OVERLOADED past maxPendingSendBytes, counted by the bodies that wait",
    async (bench) => {
      const body = new Uint8Array(400);
      const send = () => bench.engine.log.append(aRoom, { body, sentAtMs: 1, dedupeKey: undefined });
      const outcomes = await Promise.allSettled([send(), send(), send()]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ["fulfilled", "fulfilled", "rejected"],
      );
      await Promise.all([send(), send()]);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4]);
    },
    { limits: { maxPendingSendBytes: 1_000 }, needs: "bounds its pending sends" },
  );

  define(
    "STORAGE_FULL past maxLogBytes, while reading goes on, and no longer when messages have passed their age",
    async (bench) => {
      const text = "x".repeat(1_000_000);
      const send = () => bench.append(text);
      let stored = 0;
      const fill = async () => {
        for (; stored < 100; stored++) await send();
      };
      await assert.rejects(
        fill(),
        (error: unknown) => withCode("STORAGE_FULL")(error) && /maxLogBytes is 64000000/.test(String(error)),
      );
      assert.ok(stored > 20, `${stored} messages were stored`);
      assert.equal((await bench.offsets()).length, stored);
      bench.clock.advance(120_000);
      for (;;) {
        try {
          await send();
          break;
        } catch (error) {
          assert.ok(withCode("STORAGE_FULL")(error), String(error));
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
      assert.deepEqual(await bench.offsets(), [stored + 1]);
    },
    {
      limits: { maxLogBytes: 64_000_000 },
      retention: { maxAgeMs: 60_000 },
      sweepIntervalMs: 50,
      needs: "bounds its bytes",
    },
  );

  define(
    "a room that an entry may not make takes no place",
    async (bench) => {
      const refusal = new ConfabError("PERMISSION_DENIED", "not this one");
      const follow = (room: string) =>
        bench.engine.log.append(room as RoomId, { ...bench.entry("x"), refuseFirst: () => refusal });
      for (const room of ["a", "b", "c"]) await assert.rejects(follow(room), refusal);
      await bench.fill(1);
      await bench.fill(1, otherRoom);
      await assert.rejects(follow("a"), refusal);
    },
    { limits: { maxRooms: 2 }, needs: "bounds its rooms" },
  );

  define(
    "TOO_MANY_ROOMS for a room past maxRooms, in one turn or later, while the others go on",
    async (bench) => {
      const names = ["a", "b", "c", "d", "a"] as RoomId[];
      const outcomes = await Promise.allSettled(names.map((room) => bench.append("x", { room })));
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.position.offset : "refused")),
        [1, 1, "refused", "refused", 2],
      );
      await assert.rejects(bench.append("x", { room: "e" as RoomId }), withCode("TOO_MANY_ROOMS"));
      assert.equal((await bench.append("x", { room: "b" as RoomId })).position.offset, 2);
      assert.deepEqual((await bench.engine.log.state("c" as RoomId)).newest, 0);
      assert.deepEqual(
        (await bench.engine.log.list("", "", 10)).map(({ room }) => room),
        ["a", "b"],
      );
    },
    { limits: { maxRooms: 2 }, needs: "bounds its rooms" },
  );
}
