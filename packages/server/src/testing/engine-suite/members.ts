import assert from "node:assert/strict";
import type { Engine, OccupancyListener, RoomId } from "../../core/index.js";
import { Listening } from "./bus.js";
import { aRoom, type Define, otherRoom } from "./setup.js";

/** Longer than anything takes that is going to happen. */
const patienceMs = 10_000;

/** Ask again until the answer is this one: a networked engine knows a moment later what a node told it. */
async function becomes<T>(ask: () => T | Promise<T>, expected: T): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    try {
      assert.deepEqual(answer, expected);
      return;
    } catch (difference) {
      if (Date.now() > deadlineMs) throw difference;
    }
    await new Promise(setImmediate);
  }
}

async function countsOf({ members }: Engine, room: RoomId = aRoom): Promise<[members: number, subscribers: number]> {
  const [counts] = await members.counts([room]);
  return [counts?.members ?? -1, counts?.subscribers ?? -1];
}

async function membersOf({ members }: Engine, after = "", limit = 100): Promise<string[]> {
  return (await members.page(aRoom, after, limit)).map(({ user, connections }) => `${user}=${connections}`);
}

async function listening({ bus }: Engine): Promise<Listening> {
  const listener = new Listening();
  await bus.watch(aRoom, listener);
  return listener;
}

function enter({ members }: Engine, ...users: readonly string[]): void {
  for (const user of users) members.enter(aRoom, user);
}

function leave({ members }: Engine, ...users: readonly string[]): void {
  for (const user of users) members.leave(aRoom, user);
}

function watchOccupancy({ members }: Engine, changed: OccupancyListener): void {
  assert.ok(members.watchOccupancy, "the engine tells which rooms are read");
  members.watchOccupancy(changed);
}

export function membersSuite(define: Define): void {
  define("a room's members are its distinct users, and its subscribers all who read it", async ({ engine }) => {
    assert.deepEqual([await countsOf(engine), await membersOf(engine)], [[0, 0], []]);
    enter(engine, "ann", "", "bob", "ann", "");
    engine.members.enter(otherRoom, "zoe");
    await becomes(() => countsOf(engine), [2, 5]);
    await becomes(() => membersOf(engine), ["ann=2", "bob=1"]);
    leave(engine, "ann", "", "bob");
    await becomes(() => countsOf(engine), [1, 2]);
    await becomes(() => membersOf(engine), ["ann=1"]);
    leave(engine, "ann", "");
    await becomes(() => countsOf(engine), [0, 0]);
    assert.deepEqual(await membersOf(engine), []);
    const none = { members: 0, subscribers: 0 };
    const one = { members: 1, subscribers: 1 };
    await becomes(() => engine.members.counts([aRoom, otherRoom, "third" as RoomId]), [none, one, none]);
    assert.deepEqual(await engine.members.counts([]), []);
  });

  define("a user comes with the first subscription and goes with the last, and says nothing between", async (bench) => {
    const { engine } = bench;
    const listener = await listening(engine);
    enter(engine, "ann");
    await becomes(() => listener.changes, ["+ann"]);
    enter(engine, "ann", "");
    leave(engine, "ann", "");
    enter(engine, "bob");
    await becomes(() => listener.changes, ["+ann", "+bob"]);
    leave(engine, "ann");
    await becomes(() => listener.changes, ["+ann", "+bob", "-ann"]);
    assert.deepEqual(listener.counts, [1, 2, 1]);
  });

  define("members are paged in the order of their names' code points", async ({ engine }) => {
    const names = ["B", "a", "a b", "ab", "z", "ä", "\uffee", "\u{1f600}"];
    enter(engine, ...[...names].reverse());
    await becomes(() => countsOf(engine), [names.length, names.length]);
    for (const limit of [1, 3, 8, 100]) {
      const paged: string[] = [];
      for (let page = await engine.members.page(aRoom, "", limit); page.length > 0; ) {
        assert.ok(page.length <= limit);
        paged.push(...page.map(({ user }) => user));
        page = await engine.members.page(aRoom, paged.at(-1) ?? "", limit);
      }
      assert.deepEqual(paged, names);
    }
    assert.deepEqual(await membersOf(engine, "aa", 2), ["ab=1", "z=1"]);
  });

  define(
    "in a room of more than maxPresenceEventMembers nobody is told, and counts and pages stay right",
    async ({ engine }) => {
      const listener = await listening(engine);
      enter(engine, "ann");
      await becomes(() => listener.changes, ["+ann"]);
      enter(engine, "bob");
      await becomes(() => listener.changes, ["+ann", "+bob"]);
      enter(engine, "cat");
      await becomes(() => membersOf(engine), ["ann=1", "bob=1", "cat=1"]);
      leave(engine, "bob");
      await becomes(() => listener.changes, ["+ann", "+bob", "-bob"]);
      assert.deepEqual(await countsOf(engine), [2, 2]);
    },
    { limits: { maxPresenceEventMembers: 2 } },
  );

  define(
    "a room is occupied with its first reader and vacated with its last one, named or not",
    async ({ engine }) => {
      const changes: string[] = [];
      watchOccupancy(engine, (room, isOccupied) => void changes.push(`${isOccupied ? "+" : "-"}${room}`));
      enter(engine, "");
      await becomes(() => changes, [`+${aRoom}`]);
      enter(engine, "ann");
      await becomes(() => countsOf(engine), [1, 2]);
      leave(engine, "");
      await becomes(() => countsOf(engine), [1, 1]);
      assert.deepEqual(changes, [`+${aRoom}`]);
      leave(engine, "ann");
      await becomes(() => changes, [`+${aRoom}`, `-${aRoom}`]);
      engine.members.enter(otherRoom, "ann");
      enter(engine, "ann");
      await becomes(() => [...changes].sort(), [`+${otherRoom}`, `+${aRoom}`, `+${aRoom}`, `-${aRoom}`]);
    },
    { needs: "watches occupancy" },
  );

  define(
    "a room that is read on several nodes is vacated once, when the last of them leaves it",
    async (bench) => {
      const { engine: one } = bench;
      const two = await bench.anotherNode();
      const changes: string[] = [];
      for (const [name, engine] of [
        ["one", one],
        ["two", two],
      ] as const)
        watchOccupancy(engine, (_room, isOccupied) => void changes.push(`${isOccupied ? "+" : "-"} on ${name}`));
      enter(one, "ann");
      await becomes(() => changes, ["+ on one"]);
      enter(two, "");
      await becomes(() => countsOf(one), [1, 2]);
      leave(one, "ann");
      await becomes(() => countsOf(two), [0, 1]);
      assert.deepEqual(changes, ["+ on one"]);
      leave(two, "");
      await becomes(() => changes, ["+ on one", "- on two"]);
    },
    { needs: ["watches occupancy", "has nodes"] },
  );

  define(
    "a user on two nodes is one member, who comes once and goes once",
    async (bench) => {
      const { engine: one } = bench;
      const two = await bench.anotherNode();
      const listeners = [await listening(one), await listening(two)];
      enter(one, "ann");
      await becomes(() => countsOf(two), [1, 1]);
      enter(two, "ann", "ann", "");
      for (const node of [one, two]) {
        await becomes(() => countsOf(node), [1, 4]);
        await becomes(() => membersOf(node), ["ann=3"]);
      }
      leave(one, "ann");
      await becomes(() => membersOf(one), ["ann=2"]);
      enter(one, "bob");
      for (const { changes } of listeners) await becomes(() => changes, ["+ann", "+bob"]);
      leave(two, "ann", "ann", "");
      for (const { changes, counts } of listeners) {
        await becomes(() => changes, ["+ann", "+bob", "-ann"]);
        assert.deepEqual(counts, [1, 2, 1]);
      }
      for (const node of [one, two]) await becomes(() => membersOf(node), ["bob=1"]);
    },
    { needs: "has nodes" },
  );

  define(
    "a node that closes takes its members along at once",
    async (bench) => {
      const { engine: one } = bench;
      const two = await bench.anotherNode();
      const listener = await listening(one);
      enter(one, "ann");
      enter(two, "ann", "bob", "");
      two.members.enter(otherRoom, "bob");
      await becomes(() => countsOf(one), [2, 4]);
      await two.close();
      assert.deepEqual(
        [await countsOf(one), await countsOf(one, otherRoom)],
        [
          [1, 1],
          [0, 0],
        ],
      );
      await becomes(() => listener.changes.includes("-bob"), true);
      assert.deepEqual(await membersOf(one), ["ann=1"]);
    },
    { needs: "has nodes" },
  );
}
