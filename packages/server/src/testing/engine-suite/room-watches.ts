import assert from "node:assert/strict";
import type { RoomId } from "../../core/index.js";
import type { Define } from "./setup.js";

const [one, two, other] = ["team-1.a", "team-1.b", "team-2.a"] as [RoomId, RoomId, RoomId];

/** Wait for what a network brings, which may be later than the answer to an append. Names may come more than once. */
async function heard(names: readonly RoomId[], expected: readonly RoomId[]): Promise<void> {
  while (!expected.every((name) => names.includes(name))) await new Promise(setImmediate);
}

export function roomWatchesSuite(define: Define): void {
  define("a watcher of a prefix is called for each room that gets its first message", async (bench) => {
    const [team, all, exact]: RoomId[][] = [[], [], []];
    await bench.engine.bus.watchRooms("team-1.", (room) => team?.push(room));
    await bench.engine.bus.watchRooms("", (room) => all?.push(room));
    await bench.engine.bus.watchRooms(two, (room) => exact?.push(room));
    for (const room of [one, two, other]) await bench.fill(2, room);
    await heard(team ?? [], [one, two]);
    await heard(all ?? [], [one, two, other]);
    await heard(exact ?? [], [two]);
    assert.ok(!team?.includes(other) && !exact?.includes(one));
  });

  define("a room can be read from its first message by its watcher", async (bench) => {
    const states: Promise<number>[] = [];
    const newestOf = async (room: RoomId) => (await bench.engine.log.state(room)).newest;
    // It may be told again, when the test is over: its answer would be an unhandled rejection.
    await bench.engine.bus.watchRooms("team-1.", (room) => {
      if (states.length === 0) states.push(newestOf(room));
    });
    await bench.fill(1, one);
    while (states.length === 0) await new Promise(setImmediate);
    assert.equal(await states[0], 1);
  });

  define("who stops to watch is told no more, and the others are", async (bench) => {
    const [left, stays]: RoomId[][] = [[], []];
    const stop = await bench.engine.bus.watchRooms("team-1.", (room) => left?.push(room));
    await bench.engine.bus.watchRooms("team-1.", (room) => stays?.push(room));
    stop();
    stop();
    await bench.fill(1, one);
    await heard(stays ?? [], [one]);
    assert.deepEqual(left, []);
  });

  define(
    "a room is announced on all nodes, whichever has made it",
    async (bench) => {
      const nodes = [bench.engine, await bench.anotherNode(), await bench.anotherNode()];
      const told = await Promise.all(
        nodes.map(async ({ bus }) => {
          const names: RoomId[] = [];
          await bus.watchRooms("team-1.", (room) => names.push(room));
          return names;
        }),
      );
      await nodes[1]?.log.append(one, bench.entry("x"));
      await nodes[2]?.log.append(two, bench.entry("x"));
      for (const names of told) await heard(names, [one, two]);
    },
    { needs: "has nodes" },
  );
}
