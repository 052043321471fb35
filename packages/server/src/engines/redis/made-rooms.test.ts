import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { Keys } from "./keys.js";
import { MadeRooms } from "./made-rooms.js";
import type { RedisLink } from "./redis-link.js";
import { RoomIndex } from "./room-index.js";

const keys = new Keys("confab");

/** A Redis whose index has these names, and whose channel brings nothing. */
function madeRooms(names: readonly string[]) {
  const published: unknown[] = [];
  const pages: string[] = [];
  const subscriptions = new Set<string>();
  const link = {
    send: async (_key: string, [command, ...args]: readonly string[]) => {
      if (command === "SPUBLISH") return published.push(args);
      const [, min = "", , , , , limit] = args;
      pages.push(min);
      const found = names.filter((name) => (min.startsWith("(") ? name > min.slice(1) : name >= min.slice(1)));
      return found.slice(0, Number(limit));
    },
    subscribe: async (channel: string) => void subscriptions.add(channel),
    unsubscribe: (channel: string) => void subscriptions.delete(channel),
  } as unknown as RedisLink;
  const buffers = {
    ...link,
    send: async (key: string, args: readonly string[]) => {
      const reply = await link.send(key, args);
      return Array.isArray(reply) ? reply.map((name) => Buffer.from(String(name))) : reply;
    },
  };
  return { made: new MadeRooms(buffers, keys, new RoomIndex(buffers, keys, 10)), pages, published, subscriptions };
}

test("names that the channel has lost are found in the index after an interruption, however many there are", async () => {
  const names = Array.from({ length: 2_500 }, (_, at) => `team-${String(at).padStart(4, "0")}`);
  const { made } = madeRooms(names);
  const found: RoomId[] = [];
  const stop = await made.watch("team-", (room) => found.push(room));
  made.interrupted();
  while (found.length < names.length) await new Promise(setImmediate);
  assert.deepEqual(found, names);
  stop();
});

// Each prefix was read, and told to all: clients with n prefixes that begin with each other cost n² calls for each room.
test("a look tells each name once to each of those who watch prefixes of prefixes", async () => {
  const { made, pages } = madeRooms(["team-1", "team-2", "team-3"]);
  const found: string[] = [];
  const stops = await Promise.all(
    ["team-2", "t", "team-", "te", "x"].map((prefix) => made.watch(prefix, (room) => found.push(`${prefix} ${room}`))),
  );
  made.interrupted();
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.deepEqual(pages, ["[t", "[x"]);
  assert.equal(found.filter((each) => each === "team-2 team-2").length, 1);
  assert.equal(new Set(found).size, found.length);
  for (const stop of stops) stop();
});

test("the channel is subscribed while a prefix is watched, and a room's name is published in any case", async () => {
  const { made, published, subscriptions } = madeRooms([]);
  made.made("early" as RoomId);
  const stops = [await made.watch("a", () => undefined), await made.watch("b", () => undefined)];
  assert.deepEqual([...subscriptions], ["confab:made"]);
  stops[0]?.();
  assert.equal(subscriptions.size, 1);
  stops[1]?.();
  stops[1]?.();
  assert.equal(subscriptions.size, 0);
  assert.deepEqual(published, [["confab:made", "early"]]);
});
