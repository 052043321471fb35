import assert from "node:assert/strict";
import { decodeChatMessage } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import { outboxOf } from "./outbox.js";
import { aRoom, type Bench, type Define, otherRoom, wholePage, withCode } from "./setup.js";

const maxAgeMs = 10_000;
const emptyRoomMs = 60_000;
const dayMs = 86_400_000;
const thirdRoom = "third" as RoomId;
const witness = "witness" as RoomId;

/** Rooms of which nothing is kept any more. */
export function roomsSuite(define: Define): void {
  const options = {
    retention: { maxAgeMs },
    limits: { maxRooms: 2, emptyRoomMs },
    dedupeWindowMs: 1_000,
    sweepIntervalMs: 20,
    needs: "removes rooms",
  } as const;

  define(
    "a room whose messages have passed their age goes away, with nothing sent, and gives its place back",
    async (bench) => {
      await bench.fill(3);
      await bench.fill(1, otherRoom);
      await assert.rejects(bench.append("x", { room: thirdRoom }), withCode("TOO_MANY_ROOMS"));
      await untilGone(bench, aRoom, otherRoom);
      await untilTaken(bench, thirdRoom);
      await untilTaken(bench, aRoom);
      assert.deepEqual(await names(bench), [aRoom, thirdRoom]);
      // While a name is leaving an index, one more room may be taken.
      const more = ["w", "x", "y"].map((room) => async () => void (await bench.append("x", { room: room as RoomId })));
      await assert.rejects(async () => {
        for (const append of more) await append();
      }, withCode("TOO_MANY_ROOMS"));
    },
    options,
  );

  define(
    "a room that went away begins again with offset 1 of an epoch that it never had, each time",
    async (bench) => {
      const epochs = new Set<number>();
      for (let life = 1; life <= 4; life++) {
        const { epoch, newest, messages } = await bench.engine.log.state(aRoom);
        assert.deepEqual([newest, messages], [0, 0]);
        assert.deepEqual(await bench.offsets(), []);
        assert.deepEqual((await bench.append("x")).position, { epoch, offset: 1 });
        await bench.fill(life);
        assert.deepEqual((await bench.engine.log.state(aRoom)).epoch, epoch);
        epochs.add(epoch);
        assert.equal(epochs.size, life);
        await untilGone(bench, aRoom);
        if (life % 2 === 0) await bench.reopen();
      }
    },
    options,
  );

  define(
    "rooms that are made after others went away have separate logs",
    async (bench) => {
      await bench.fill(2);
      bench.engine.members.enter(otherRoom, "ann");
      await bench.append("other", { room: otherRoom });
      await untilGone(bench, aRoom);
      for (const room of [thirdRoom, aRoom]) await bench.append(room, { room });
      await bench.reopen();
      await bench.append("fourth", { room: "fourth" as RoomId });
      for (const room of ["fourth", otherRoom, aRoom, thirdRoom] as RoomId[]) {
        const { entries } = (await bench.engine.log.readForward(room, 0, wholePage)).run;
        assert.deepEqual(
          entries.map(({ body }) => decodeChatMessage(body).text),
          [String(room)],
        );
      }
    },
    { ...options, limits: { emptyRoomMs } },
  );

  for (const user of ["ann", ""]) {
    define(
      `a room stays while ${user === "" ? "a reader without a name" : "a member"} reads it, with its newest message, and for a while after`,
      async (bench) => {
        bench.engine.members.enter(aRoom, user);
        await bench.fill(2);
        await bench.fill(1, otherRoom);
        await untilGone(bench, otherRoom);
        const { epoch, newest } = await bench.engine.log.state(aRoom);
        assert.equal(newest, 2);
        assert.equal((await bench.offsets()).at(-1), 2);
        bench.engine.members.leave(aRoom, user);
        // For as long as a room without a reader.
        await bench.fill(1, otherRoom);
        await untilGone(bench, otherRoom);
        await untilGone(bench, aRoom);
        assert.notEqual((await bench.engine.log.state(aRoom)).epoch, epoch);
      },
      options,
    );
  }

  define(
    "a reader that comes back within emptyRoomMs keeps the room",
    async (bench) => {
      await bench.fill(1);
      bench.engine.members.enter(aRoom, "ann");
      await bench.fill(1, otherRoom);
      // Long past the age of what is in both.
      await untilGone(bench, otherRoom);
      const { epoch } = await bench.engine.log.state(aRoom);
      for (let round = 0; round < 3; round++) {
        bench.engine.members.leave(aRoom, "ann");
        await untilSwept(bench);
        bench.clock.advance(emptyRoomMs - 3 * maxAgeMs);
        bench.engine.members.enter(aRoom, "ann");
        await untilSwept(bench);
      }
      const { epoch: now, newest } = await bench.engine.log.state(aRoom);
      assert.deepEqual([now, newest], [epoch, 1]);
    },
    { ...options, limits: { emptyRoomMs } },
  );

  define(
    "a room that is written to stays, and so does one without a maximum age",
    async (bench) => {
      await bench.fill(1);
      await bench.fill(1, otherRoom);
      await bench.fill(1, thirdRoom);
      for (let round = 0; (await names(bench)).includes(otherRoom); round++) {
        assert.ok(round < 100);
        await bench.fill(1);
        await untilSwept(bench);
      }
      assert.deepEqual(await names(bench), [aRoom, thirdRoom, witness]);
      assert.deepEqual(await bench.offsets(thirdRoom), [1]);
    },
    {
      ...options,
      limits: { emptyRoomMs },
      retention: { of: (room) => (room === thirdRoom ? {} : { maxAgeMs }), hasAges: true },
    },
  );

  define(
    "a room stays as long as an id of it must be recognised",
    async (bench) => {
      const first = await bench.append("x", { dedupeKey: "k" });
      await bench.fill(1, otherRoom);
      await untilGone(bench, otherRoom);
      assert.deepEqual(await bench.append("x", { dedupeKey: "k" }), { ...first, isDuplicate: true });
      bench.clock.advance(2 * dayMs + 1);
      await untilGone(bench, aRoom);
      const again = await bench.append("x", { dedupeKey: "k" });
      assert.deepEqual([again.position.offset, again.isDuplicate], [1, false]);
      assert.notEqual(again.position.epoch, first.position.epoch);
    },
    { ...options, dedupeWindowMs: dayMs },
  );

  define(
    "a reader of a room without a first message keeps the epoch that it was told, while other rooms go away",
    async (bench) => {
      bench.engine.members.enter(thirdRoom, "ann");
      const { epoch } = await bench.engine.log.state(thirdRoom);
      for (let life = 0; life < 2; life++) {
        await bench.fill(1);
        await untilGone(bench, aRoom);
      }
      assert.equal((await bench.engine.log.state(thirdRoom)).epoch, epoch);
      assert.deepEqual((await bench.append("x", { room: thirdRoom })).position, { epoch, offset: 1 });
    },
    options,
  );

  define(
    "a reader on another node keeps the room",
    async (bench) => {
      const other = await bench.anotherNode();
      await bench.fill(1);
      await bench.fill(1, otherRoom);
      other.members.enter(aRoom, "ann");
      await untilMembers(bench, aRoom, 1);
      await untilGone(bench, otherRoom);
      assert.equal((await other.log.state(aRoom)).newest, 1);
      other.members.leave(aRoom, "ann");
      await untilGone(bench, aRoom);
      await bench.fill(1);
      assert.equal((await other.log.state(aRoom)).newest, 1);
      assert.deepEqual(await names(bench), [aRoom]);
    },
    { ...options, needs: ["removes rooms", "has nodes"] },
  );

  define(
    "how far a receiver is in a room goes away with the room",
    async (bench) => {
      const outbox = outboxOf(bench.engine, "test");
      const told = new Promise<void>((resolve) => {
        outbox.follow({ undelivered: () => resolve(), ended: () => undefined });
      });
      const { position } = await bench.append("1");
      await told;
      await outbox.confirm(aRoom, position);
      assert.deepEqual(await outbox.cursor(aRoom), position);
      await untilGone(bench, aRoom);
      for (const deadlineMs = performance.now() + 20_000; (await outbox.cursor(aRoom)) !== undefined; )
        assert.ok(performance.now() < deadlineMs, "the cursor is still there");
      await outbox.close();
    },
    { ...options, needs: ["removes rooms", "keeps cursors of receivers"] },
  );
}

async function names({ engine }: Bench): Promise<RoomId[]> {
  return (await engine.log.list("", "", 10)).map(({ room }) => room);
}

/** Time passes until these rooms have gone away. */
async function untilGone(bench: Bench, ...rooms: readonly RoomId[]): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    // A store may show a commit in its list a moment before the engine knows that it is durable.
    const listed = await names(bench);
    const states = await Promise.all(rooms.map((room) => bench.engine.log.state(room)));
    if (!rooms.some((room, at) => listed.includes(room) || states[at]?.newest !== 0)) return;
    assert.ok(performance.now() < deadlineMs, `some of ${rooms} are still there`);
    bench.clock.advance(2_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The first message of a room, once there is a place: an engine may count a room for a moment after it is gone. */
async function untilTaken(bench: Bench, room: RoomId): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  for (;;) {
    try {
      await bench.append("x", { room });
      return;
    } catch (thrown) {
      if (!withCode("TOO_MANY_ROOMS")(thrown) || performance.now() > deadlineMs) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function untilMembers({ engine }: Bench, room: RoomId, members: number): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while ((await engine.members.counts([room]))[0]?.members !== members) {
    assert.ok(performance.now() < deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All rooms were looked at since this was called. Twice the age of messages passes. */
async function untilSwept(bench: Bench): Promise<void> {
  // A sweep that has begun may have passed the others already; the next one has not.
  for (let sweep = 0; sweep < 2; sweep++) {
    await bench.fill(2, witness);
    bench.clock.advance(maxAgeMs);
    const deadlineMs = performance.now() + 20_000;
    while ((await bench.engine.log.state(witness)).messages > 1) {
      assert.ok(performance.now() < deadlineMs, "nothing is swept");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
