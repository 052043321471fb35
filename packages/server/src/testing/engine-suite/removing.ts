import assert from "node:assert/strict";
import { ConfabError, decodeChatMessage, type Position } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import { eraseUser } from "../../core/user-erasure.js";
import { Listening } from "./bus.js";
import { outboxOf } from "./outbox.js";
import { aRoom, type Bench, type Define, otherRoom, wholePage, withCode } from "./setup.js";

const unshared = { begin: () => undefined, spend: () => undefined };

/** An operator removes rooms and users. */
export function removingSuite(define: Define): void {
  define("a scrub resolves to what is left to do, also where nothing was erased", async (bench) => {
    await bench.fill(2);
    await bench.engine.scrub();
    await bench.engine.log.remove(aRoom);
    assert.equal(typeof (await bench.engine.scrub()), "string");
  });

  define("a removed room is as if it had never been, and the next message begins another log", async (bench) => {
    await bench.fill(5);
    await bench.append("stays", { room: otherRoom });
    const before = await bench.engine.log.state(aRoom);
    assert.equal(await bench.engine.log.remove(aRoom), 5);
    const empty = await bench.engine.log.state(aRoom);
    assert.deepEqual([empty.newest, empty.messages, empty.epoch === before.epoch], [0, 0, false]);
    assert.deepEqual(await bench.offsets(), []);
    assert.deepEqual(await roomsOf(bench), [otherRoom]);
    const { position } = await bench.append("again");
    assert.deepEqual(position, { epoch: empty.epoch, offset: 1 });
    assert.deepEqual(await bench.offsets(), [1]);
    assert.deepEqual(await roomsOf(bench), [otherRoom, aRoom].sort());
    assert.deepEqual((await bench.engine.log.state(aRoom)).lineage ?? [], []);
    assert.deepEqual(await bench.offsets(otherRoom), [1]);
  });

  // An edit of a message was stored as one of another message, which had its offset in the next log.
  define("what is about a message is refused in a log that does not have the message", async (bench) => {
    const refusal = new ConfabError("OUT_OF_RANGE", "it is not there");
    const { log } = bench.engine;
    const about = (position: Position) =>
      log.append(aRoom, { ...bench.entry("about"), refuseFirst: () => refusal, about: position });
    const { position } = await bench.append("a");
    await about(position);
    await log.remove(aRoom);
    await assert.rejects(about(position), (thrown) => thrown === refusal);
    // Whichever makes the room.
    const [, refused, again] = await Promise.allSettled([bench.append("b"), about(position), bench.append("c")]);
    assert.deepEqual([refused?.status, again?.status], ["rejected", "fulfilled"]);
    const { epoch } = await log.state(aRoom);
    const together = [about(position), about({ epoch, offset: 1 }), about(position), bench.append("d")];
    assert.deepEqual(
      (await Promise.allSettled(together)).map(({ status }) => status),
      ["rejected", "fulfilled", "rejected", "fulfilled"],
    );
    assert.deepEqual(await bench.offsets(), [1, 2, 3, 4]);
  });

  define("a room that is not there is removed with no messages, as often as asked", async (bench) => {
    assert.equal(await bench.engine.log.remove(aRoom), 0);
    await bench.fill(1);
    assert.equal(await bench.engine.log.remove(aRoom), 1);
    assert.equal(await bench.engine.log.remove(aRoom), 0);
    await bench.append("again");
    const epochs = new Set([(await bench.engine.log.state(aRoom)).epoch]);
    for (let life = 0; life < 3; life++) {
      assert.equal(await bench.engine.log.remove(aRoom), 1);
      epochs.add((await bench.append("again")).position.epoch);
    }
    assert.equal(epochs.size, 4);
  });

  define("an id of a removed room is new in the next one", async (bench) => {
    await bench.append("first", { dedupeKey: "k" });
    await bench.engine.log.remove(aRoom);
    assert.equal((await bench.append("second", { dedupeKey: "k" })).isDuplicate, false);
    assert.equal((await bench.append("second", { dedupeKey: "k" })).isDuplicate, true);
  });

  define("sends during a removal are of the log before or of the next one, without a gap", async (bench) => {
    for (let life = 0; life < 5; life++) {
      const first = await bench.append("a");
      const removed = bench.engine.log.remove(aRoom);
      const during = Array.from({ length: 20 }, () => bench.append("c"));
      assert.ok((await removed) >= 1);
      const { position } = await bench.append("after");
      assert.notEqual(position.epoch, first.position.epoch);
      await Promise.all(during);
      const { epoch, newest } = await bench.engine.log.state(aRoom);
      assert.equal(epoch, position.epoch);
      assert.deepEqual(
        await bench.offsets(),
        Array.from({ length: newest }, (_, at) => at + 1),
      );
    }
  });

  define("listeners compare the room with the log when it is removed", async (bench) => {
    await bench.fill(1);
    const listening = new Listening();
    const told = new Promise<void>((resolve) => {
      listening.interrupted = resolve;
    });
    await bench.engine.bus.watch(aRoom, listening);
    await bench.engine.log.remove(aRoom);
    await told;
  });

  define(
    "listeners of other nodes are told, and all nodes see the next log",
    async (bench) => {
      await bench.fill(3);
      const node = await bench.anotherNode();
      assert.equal((await node.log.state(aRoom)).newest, 3);
      const listening = new Listening();
      const told = new Promise<void>((resolve) => {
        listening.interrupted = resolve;
      });
      await node.bus.watch(aRoom, listening);
      await bench.engine.log.remove(aRoom);
      await told;
      assert.equal((await node.log.state(aRoom)).newest, 0);
      const { position } = await node.log.append(aRoom, bench.entry("again"));
      assert.equal(position.offset, 1);
      assert.deepEqual(await bench.offsets(), [1]);
      assert.deepEqual(await roomsOf(bench), [aRoom]);
    },
    { needs: "has nodes" },
  );

  define(
    "a removed room is gone after a reopening",
    async (bench) => {
      const { position } = await bench.append("1", { dedupeKey: "k" });
      await bench.append("stays", { room: otherRoom });
      await bench.engine.log.remove(aRoom);
      await bench.reopen();
      assert.deepEqual(await roomsOf(bench), [otherRoom]);
      const again = await bench.append("1", { dedupeKey: "k" });
      assert.deepEqual([again.isDuplicate, again.position.offset], [false, 1]);
      assert.notEqual(again.position.epoch, position.epoch);
      await bench.reopen();
      assert.deepEqual(await bench.offsets(), [1]);
    },
    { needs: "survives a reopening" },
  );

  define(
    "a removed room gives its place to another one",
    async (bench) => {
      await bench.append("1");
      await assert.rejects(bench.append("2", { room: otherRoom }), withCode("TOO_MANY_ROOMS"));
      await bench.engine.log.remove(aRoom);
      await bench.append("2", { room: otherRoom });
      await assert.rejects(bench.append("1"), withCode("TOO_MANY_ROOMS"));
    },
    { limits: { maxRooms: 1 }, needs: "bounds its rooms" },
  );

  define("a removed room is undelivered from its beginning when it is made again", async (bench) => {
    const outbox = outboxOf(bench.engine, "r");
    outbox.follow({ undelivered: () => undefined, ended: () => undefined });
    const { position } = await bench.append("1");
    await confirmed(() => outbox.confirm(aRoom, position));
    await bench.engine.log.remove(aRoom);
    const { position: again } = await bench.append("1");
    const cursor = await outbox.cursor(aRoom);
    assert.ok(cursor === undefined || cursor.epoch !== again.epoch, JSON.stringify(cursor));
    await outbox.close();
  });

  define("read marks go with their room, and with their user", async (bench) => {
    const move = async (user: string, room: RoomId) => {
      const { epoch } = await bench.engine.log.state(room);
      await bench.engine.marks.move(room, { user, position: { epoch, offset: 1 }, changes: 0, atMs: 1 });
    };
    const usersIn = async (room: RoomId) =>
      (await bench.engine.marks.page(room, "", 10)).marks.map(({ user }) => user).sort();
    for (const room of [aRoom, otherRoom]) {
      await bench.append("1", { room });
      for (const user of ["ann", "bob"]) await move(user, room);
    }
    await eraseUser(bench.engine, { user: "bob", from: undefined, share: unshared });
    assert.deepEqual([await usersIn(aRoom), await usersIn(otherRoom)], [["ann"], ["ann"]]);
    await bench.engine.log.remove(aRoom);
    await bench.append("1");
    assert.deepEqual([await usersIn(aRoom), await usersIn(otherRoom)], [[], ["ann"]]);
  });

  define("a user is erased from all rooms, once", async (bench) => {
    for (let at = 1; at <= 300; at++) await bench.append(`${at}`);
    await bench.append("secret", { dedupeKey: "ann\0k" });
    await bench.append("other", { room: otherRoom });
    const erased = await eraseUser(bench.engine, { user: "ann", from: undefined, share: unshared });
    assert.deepEqual(erased, { messages: 302, changes: 0, rooms: 2, unreadable: 0, next: undefined });
    for (const room of [aRoom, otherRoom]) {
      const { entries } = (await bench.engine.log.readForward(room, 0, wholePage)).run;
      assert.equal(entries.length, room === aRoom ? 301 : 1);
      for (const { body } of entries) {
        const { user, text, id, deleted } = decodeChatMessage(body);
        assert.deepEqual([user, text, id, deleted], ["", "", "", true]);
      }
    }
    const repeated = await bench.append("secret again", { dedupeKey: "ann\0k" });
    const again = await eraseUser(bench.engine, { user: "ann", from: undefined, share: unshared });
    assert.deepEqual(again, { messages: 0, changes: 0, rooms: 2, unreadable: 0, next: undefined });
    assert.deepEqual([repeated.isDuplicate, repeated.position.offset], [true, 301]);
  });
}

async function roomsOf({ engine }: Bench): Promise<string[]> {
  return (await engine.log.list("", "", 100)).map(({ room }) => room);
}

/** A receiver's node may need a moment until it delivers. */
async function confirmed(confirm: () => unknown): Promise<void> {
  for (let left = 500; ; left--) {
    try {
      await confirm();
      return;
    } catch (thrown) {
      if (left === 0) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
