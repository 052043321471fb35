import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { Keys } from "./keys.js";
import { KnownTops } from "./known-tops.js";
import type { RedisLink } from "./redis-link.js";

const rooms = ["a", "b", "c"] as RoomId[];

/** A Redis that holds what it is told to hold, and can be away. */
function bench() {
  const keys = new Keys("p");
  const asked: string[] = [];
  const lost = new Set<RoomId>();
  const replaced: RoomId[] = [];
  const redis = { isAway: false };
  const run: RedisLink["run"] = async (_script, [, , channel = ""]) => {
    if (redis.isAway) throw new Error("away");
    const room = keys.roomOf(channel);
    asked.push(room);
    return lost.has(room) ? 0 : 1;
  };
  const tops = new KnownTops({ run } as RedisLink, keys, (room) => replaced.push(room));
  for (const [index, room] of rooms.entries()) tops.note(room, 7, index + 1, Buffer.from(room));
  return { tops, asked, lost, replaced, redis };
}

async function untilNoSuspects({ tops }: ReturnType<typeof bench>): Promise<void> {
  while (rooms.some((room) => tops.verified(room) !== undefined)) await new Promise(setImmediate);
}

test("all that is known of a server that may have lost something is asked for, what was used last first", async () => {
  const all = bench();
  all.lost.add(rooms[1] as RoomId);
  all.tops.suspect(() => true);
  await untilNoSuspects(all);
  assert.deepEqual(all.asked, ["c", "b", "a"]);
  assert.deepEqual(all.replaced, ["b"]);
  all.tops.suspect(() => true);
  await untilNoSuspects(all);
  assert.deepEqual(all.asked.slice(3), ["c", "a"], "what is lost is known no more");
});

test("some earlier blocks are remembered, at growing distances, and asked for together with the newest", async () => {
  let args: readonly unknown[] = [];
  const run: RedisLink["run"] = async (_script, _keys, given) => {
    args = given;
    return 1;
  };
  const tops = new KnownTops({ run } as RedisLink, new Keys("p"), assert.fail);
  const [room = "" as RoomId] = rooms;
  for (let offset = 1; offset <= 5_000; offset++) {
    tops.noteDigest(room, 7, offset, `digest-${offset}`);
    if (offset % 97 !== 0) continue;
    tops.suspect(() => true);
    await tops.verified(room);
    const [epoch, , ...blocks] = args.map(String);
    const known = blocks.filter((_, at) => at % 2 === 0).map(Number);
    assert.deepEqual([epoch, known[0], known.length <= 9], ["7", offset, true]);
    assert.deepEqual(
      blocks.filter((_, at) => at % 2 === 1),
      known.map((each) => `digest-${each}`),
    );
    // Of each loss within reach a block is known that is not far before it.
    for (let lost = 1; lost <= 150; lost++) {
      const left = known.find((each) => each <= offset - lost) ?? 0;
      assert.ok(offset - left <= 5 * lost, `${lost} lost of ${offset}: ${known}`);
    }
  }
  tops.noteDigest(room, 8, 1, "of another epoch");
  tops.suspect(() => true);
  await tops.verified(room);
  assert.deepEqual([args[0], args.slice(2)], ["8", ["1", "of another epoch"]]);
});

test("only rooms of the server in doubt are, and each is asked for once however many wait", async () => {
  const some = bench();
  some.tops.suspect((room) => room === "b");
  assert.equal(some.tops.verified(rooms[0] as RoomId), undefined);
  await Promise.all([some.tops.verified(rooms[1] as RoomId), some.tops.verified(rooms[1] as RoomId)]);
  assert.deepEqual(some.asked, ["b"]);
});

test("while Redis is away a suspect stays one, and is asked for again when it is back", async () => {
  const away = bench();
  away.redis.isAway = true;
  away.tops.suspect(() => true);
  for (let time = 0; time < 2; time++) await assert.rejects(async () => away.tops.verified(rooms[0] as RoomId), /away/);
  away.redis.isAway = false;
  await untilNoSuspects(away);
  assert.deepEqual(new Set(away.asked), new Set(rooms));
  away.tops.close();
});

test("a room that is in doubt twice must hold what was known before the first time", async () => {
  const twice = bench();
  twice.redis.isAway = true;
  twice.tops.suspect(() => true);
  // Somebody else's message in the place of a lost one, heard before the room was verified.
  twice.tops.note(rooms[0] as RoomId, 7, 9, Buffer.from("another"));
  twice.tops.suspect(() => true);
  twice.redis.isAway = false;
  twice.lost.add(rooms[0] as RoomId);
  await untilNoSuspects(twice);
  assert.deepEqual(twice.replaced, ["a"]);
});
