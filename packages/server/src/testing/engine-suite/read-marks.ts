import assert from "node:assert/strict";
import { type ChangeKind, limitsWith } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import { Hub, type RoomId } from "../../core/index.js";
import { ManualTurns } from "../manual-turns.js";
import { aRoom, type Bench, type Define, otherRoom, wholePage, withCode } from "./setup.js";

const unshared = { begin: () => undefined, spend: () => undefined };

async function move({ engine }: Bench, user: string, offset: number, { room = aRoom, changes = 0 } = {}) {
  const { epoch } = await engine.log.state(room);
  return engine.marks.move(room, { user, position: { epoch, offset }, changes, atMs: 1_000 + offset });
}

async function offsetOf({ engine }: Pick<Bench, "engine">, user: string, room = aRoom): Promise<number | undefined> {
  const [found] = await engine.marks.of(user, [room]);
  return found?.marks[0]?.position.offset;
}

async function names({ engine }: Bench, after: string, limit: number, room = aRoom): Promise<string[]> {
  return (await engine.marks.page(room, after, limit)).marks.map(({ user }) => user);
}

/** All of them. */
async function sortedNames(bench: Bench, room = aRoom): Promise<string[]> {
  return (await names(bench, "", 100, room)).sort();
}

export function readMarksSuite(define: Define): void {
  define("a read mark moves forward only, for each room and user", async (bench) => {
    await bench.fill(5);
    await bench.fill(5, otherRoom);
    assert.equal(await offsetOf(bench, "ann"), undefined);
    const moved = await move(bench, "ann", 3, { changes: 1 });
    const { epoch } = await bench.engine.log.state(aRoom);
    const mark = { user: "ann", position: { epoch, offset: 3 }, changes: 1, atMs: 1_003 };
    assert.deepEqual([moved.isMoved, moved.mark, moved.state.newest], [true, mark, 5]);
    for (const offset of [1, 3]) {
      const left = await move(bench, "ann", offset);
      assert.deepEqual([left.isMoved, left.mark], [false, mark]);
    }
    await move(bench, "bob", 4);
    await move(bench, "ann", 5, { room: otherRoom });
    assert.deepEqual([await offsetOf(bench, "ann"), await offsetOf(bench, "bob")], [3, 4]);
    const both = await bench.engine.marks.of("ann", [otherRoom, aRoom, "neither" as RoomId]);
    assert.deepEqual(
      both.map(({ state, marks }) => [state.newest, marks[0]?.position.offset]),
      [
        [5, 5],
        [5, 3],
        [0, undefined],
      ],
    );
  });

  define("a read mark is at a position that the room has come to", async (bench) => {
    await bench.fill(2);
    const { epoch } = await bench.engine.log.state(aRoom);
    for (const position of [
      { epoch, offset: 3 },
      { epoch: epoch + 1, offset: 1 },
    ])
      await assert.rejects(
        bench.engine.marks.move(aRoom, { user: "ann", position, changes: 0, atMs: 1 }),
        withCode("OUT_OF_RANGE"),
      );
    await assert.rejects(move(bench, "ann", 1, { room: otherRoom }), withCode("OUT_OF_RANGE"));
    assert.equal(await offsetOf(bench, "ann"), undefined);
  });

  define("read marks are listed, a page after a name", async (bench) => {
    await bench.fill(1);
    await bench.fill(1, otherRoom);
    const users = ["!", "a", "a b", "aa", "b", "~", "é", "日本", "😀"];
    for (const user of [...users].reverse()) await move(bench, user, 1);
    await move(bench, "zoe", 1, { room: otherRoom });
    const order = await names(bench, "", 100);
    assert.deepEqual([...order].sort(), users);
    for (const [at, user] of order.entries())
      assert.deepEqual(await names(bench, user, 3), order.slice(at + 1, at + 4));
    // Also after a mark that has gone.
    const [first = "", second = ""] = order;
    await bench.engine.marks.remove(first, [aRoom]);
    assert.deepEqual(await names(bench, first, 100), order.slice(1));
    const { marks, state } = await bench.engine.marks.page(aRoom, first, 1);
    assert.deepEqual(
      [marks[0]?.user, marks[0]?.position, marks[0]?.atMs],
      [second, { epoch: state.epoch, offset: 1 }, 1_001],
    );
  });

  define("marks that move at once all move, and of one user the furthest stays", async (bench) => {
    await bench.fill(50);
    const order = Array.from({ length: 50 }, (_, index) => ((index * 7) % 50) + 1);
    const moves = order.flatMap((offset) => [move(bench, "ann", offset), move(bench, `user-${offset}`, offset)]);
    await Promise.all([...moves, bench.fill(10)]);
    assert.equal(await offsetOf(bench, "ann"), 50);
    for (const offset of order) assert.equal(await offsetOf(bench, `user-${offset}`), offset);
    assert.equal((await names(bench, "", 100)).length, 51);
  });

  define(
    "a room has so many read marks; those that are there can still move, and one that is removed makes place",
    async (bench) => {
      await bench.fill(3);
      await bench.fill(3, otherRoom);
      await Promise.all([move(bench, "ann", 1), move(bench, "bob", 1)]);
      await assert.rejects(move(bench, "cay", 1), withCode("TOO_MANY_READ_MARKS"));
      await move(bench, "bob", 3);
      await move(bench, "cay", 1, { room: otherRoom });
      await bench.engine.marks.remove("ann", [aRoom, aRoom, otherRoom, "neither" as RoomId]);
      await move(bench, "cay", 2);
      await assert.rejects(move(bench, "ann", 1), withCode("TOO_MANY_READ_MARKS"));
      assert.deepEqual(await sortedNames(bench), ["bob", "cay"]);
    },
    { limits: { maxReadMarksPerRoom: 2 }, needs: "bounds its read marks" },
  );

  define("the marks of one user are removed, and those of others stay", async (bench) => {
    for (const room of [aRoom, otherRoom]) {
      await bench.fill(2, room);
      for (const user of ["an", "ann", "anna"]) await move(bench, user, 2, { room });
    }
    await bench.engine.marks.remove("ann", [aRoom]);
    assert.deepEqual(await sortedNames(bench), ["an", "anna"]);
    assert.deepEqual(await sortedNames(bench, otherRoom), ["an", "ann", "anna"]);
    assert.equal((await move(bench, "ann", 1)).mark.position.offset, 1);
  });

  define(
    "read marks and the counts of changes are there after a reopening",
    async (bench) => {
      await bench.fill(3);
      await change(bench, hubOn(bench), 1, { kind: "reaction", emoji: "+1", removed: false });
      await move(bench, "ann", 3);
      await bench.reopen();
      const [found] = await bench.engine.marks.of("ann", [aRoom]);
      assert.deepEqual([found?.marks[0]?.position.offset, found?.changes], [3, { all: 1, trimmed: 0 }]);
      assert.equal((await move(bench, "ann", 2)).isMoved, false);
    },
    { needs: "survives a reopening" },
  );

  define(
    "all nodes see a mark, and none sets it back",
    async (bench) => {
      await bench.fill(5);
      const other = await bench.anotherNode();
      await move(bench, "ann", 4);
      assert.equal(await offsetOf({ engine: other }, "ann"), 4);
      const { epoch } = await other.log.state(aRoom);
      const back = { user: "ann", position: { epoch, offset: 2 }, changes: 0, atMs: 1 };
      assert.equal((await other.marks.move(aRoom, back)).mark.position.offset, 4);
      await other.marks.move(aRoom, { ...back, position: { epoch, offset: 5 } });
      assert.equal(await offsetOf(bench, "ann"), 5);
    },
    { needs: "has nodes" },
  );

  define(
    "a room that has gone takes its marks along",
    async (bench) => {
      await bench.fill(3);
      for (const user of ["ann", "bob"]) await move(bench, user, 3);
      const { epoch } = await bench.engine.log.state(aRoom);
      bench.clock.advance(200_000);
      for (const deadlineMs = Date.now() + 30_000; (await bench.engine.log.state(aRoom)).epoch === epoch; ) {
        assert.ok(Date.now() < deadlineMs, "the room is there");
        bench.clock.advance(60_000);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual(await names(bench, "", 10), []);
      await bench.fill(1);
      assert.deepEqual(await names(bench, "", 10), []);
      assert.equal((await move(bench, "ann", 1)).isMoved, true);
      assert.deepEqual(await names(bench, "", 10), ["ann"]);
    },
    {
      retention: { maxAgeMs: 10_000 },
      limits: { emptyRoomMs: 60_000, maxReadMarksPerRoom: 2 },
      dedupeWindowMs: 1_000,
      sweepIntervalMs: 20,
      needs: "removes rooms",
    },
  );

  const seed = Number(process.env.CONFAB_SEED ?? Math.floor(Math.random() * 2 ** 31));
  define(`unread is what a scan counts, seed ${seed}`, (bench) => compareHistory(bench, seed, 150));
  define(`the same while the room is trimmed by count, seed ${seed}`, (bench) => compareHistory(bench, seed, 400), {
    retention: { maxMessages: 90 },
    needs: "trims by count",
  });
  define(`the same while the room is trimmed by bytes, seed ${seed}`, (bench) => compareHistory(bench, seed, 300), {
    retention: { maxBytes: 6_000 },
    needs: "trims by bytes",
  });
}

function hubOn({ engine, clock }: Bench): Hub {
  let ids = 0;
  return new Hub({
    engine,
    clock,
    turns: new ManualTurns(),
    ids: { messageId: () => `id-${++ids}` },
    limits: limitsWith({ maxSignalsPerSecond: 1_000_000 }),
  });
}

async function change(bench: Bench, hub: Hub, offset: number, change: ChangeKind) {
  const { epoch } = await bench.engine.log.state(aRoom);
  const content = { user: "ann", text: change.kind === "edit" ? "new" : "", id: "", refusalFor: () => undefined };
  return hub.change({ room: aRoom, position: { epoch, offset }, change, share: unshared, ...content });
}

/** Messages, changes of them, erasures, marks and reopenings by chance; what counters say beside what the log holds. */
async function compareHistory(bench: Bench, seed: number, steps: number): Promise<void> {
  const random = new Random(seed);
  const users = ["ann", "bob", "cay", "dan"] as const;
  let hub = hubOn(bench);
  const compare = async () => {
    const { run, oldest, newest } = await bench.engine.log.readForward(aRoom, 0, wholePage);
    // Of eve there is no mark.
    for (const user of [...users, "eve"]) {
      const [mark] = await hub.marks.of(user, [aRoom], unshared);
      const after = run.messages.slice(Math.max(oldest, (mark?.position.offset ?? 0) + 1), newest);
      assert.equal(mark?.unread, after.count, `${user} at ${mark?.position.offset} of ${oldest} to ${newest}`);
    }
    return { oldest, newest };
  };
  for (let step = 0; step < steps; step++) {
    const { oldest, newest } = await bench.engine.log.state(aRoom);
    const offset = random.int(oldest, newest);
    const kind = newest === 0 ? 0 : random.int(0, 9);
    // What the room does not take (a change of a change, say) stores nothing.
    const tried = async (asked: Promise<unknown>) => {
      await asked.catch((error: unknown) => assert.ok(error instanceof Error && "code" in error));
    };
    if (kind <= 3) await bench.append("x".repeat(random.int(1, 100)));
    else if (kind === 4) await Promise.all([1, 2, 3].map(() => bench.append("x")));
    else if (kind === 5) await tried(change(bench, hub, offset, { kind: "reaction", emoji: "+1", removed: false }));
    else if (kind === 6) await tried(change(bench, hub, offset, { kind: random.pick(["edit", "deletion"]) }));
    else if (kind === 7) {
      const { epoch } = await bench.engine.log.state(aRoom);
      await tried(hub.erase(aRoom, { epoch, offset }));
    } else {
      const { epoch } = await bench.engine.log.state(aRoom);
      const user = random.pick(users);
      const [before] = await hub.marks.of(user, [aRoom], unshared);
      const to = random.int(random.oneIn(4) ? 0 : oldest, newest);
      const mark = await hub.marks.move(aRoom, user, { epoch, offset: to }, unshared);
      assert.equal(mark.position.offset, Math.max(to, before?.position.offset ?? 0));
    }
    if (step === Math.floor(steps / 2)) {
      await bench.reopen();
      hub = hubOn(bench);
    }
    if (step % 10 === 0) await compare();
  }
  await compare();
}
