import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { type lobby, TestNode } from "./testing/node.js";
import { redisFor } from "./testing/redis-for.js";

const prefix = "expiry";
const rooms = Array.from({ length: 50 }, (_, index) => `room-${index}` as typeof lobby);
const minuteMs = 60_000;

/** What does not go is waited for. */
const timeout = 60_000;

async function nodeOn(t: TestContext, redis: RedisServer, dedupeWindowMs: number): Promise<TestNode> {
  const node = await TestNode.open({ url: redis.url, prefix, dedupeWindowMs });
  t.after(() => node.close());
  return node;
}

const livesScript = `
  local lives = {}
  for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
    lives[#lives + 1] = key .. ' ' .. redis.call('PTTL', key)
  end
  return lives`;

/** Each key without the prefix and what tells rooms and nodes apart, and how long it lives on in milliseconds; -1: for ever. */
async function livesOf(redis: RedisServer): Promise<[kind: string, ttlMs: number][]> {
  const lines = await redis.cli("EVAL", livesScript, "0", `${prefix}:*`);
  return lines.filter(Boolean).map((line) => {
    const [key = "", ttlMs] = line.split(" ");
    const kind = key.slice(prefix.length + 1).replace(/\{(?!nodes\})[^}]*\}/, "{}");
    return [kind.replace(/node:[0-9a-f]{16}$/, "node:N"), Number(ttlMs)];
  });
}

test("of what a room leaves in Redis, only its messages and its name stay for ever", { timeout }, async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const node = await nodeOn(t, redis, minuteMs);
  const [spoken, empty] = rooms;
  assert.ok(spoken && empty);
  const visits = [await node.readAs("ann", spoken), await node.readAs("bob", empty)];
  await node.say("by its sender's id", "id-1", spoken);
  await node.say("without one", "", spoken);
  for (const { leave } of visits) leave();
  await until(async () => !(await livesOf(redis)).some(([kind]) => kind.endsWith("members")));
  const lives = await livesOf(redis);
  assert.ok(lives.some(([kind]) => /^\{\}:ids:\d$/.test(kind)));
  const forEver = lives.filter(([, ttlMs]) => ttlMs === -1).map(([kind]) => kind);
  assert.deepEqual(forEver.sort(), ["clock", "rooms", "{nodes}:alive", "{}:log", "{}:meta"]);
  for (const [kind, ttlMs] of lives) {
    if (ttlMs === -1) continue;
    if (/^\{\}:ids:\d$/.test(kind)) {
      // A repeated send is looked for in the bucket of its window and in the one before.
      assert.ok(ttlMs > minuteMs / 2 && ttlMs <= 2 * minuteMs, `${kind} lives for ${ttlMs} ms`);
    } else if (kind === "{}:meta") {
      assert.ok(ttlMs > 59 * minuteMs && ttlMs <= 60 * minuteMs, `an empty room's epoch lives for ${ttlMs} ms`);
    } else {
      assert.match(kind, /^probe:/);
      assert.ok(ttlMs <= 10_000);
    }
  }
});

test("ids of senders are gone from Redis after their window, and repeated ones do not keep them", {
  timeout,
}, async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const node = await nodeOn(t, redis, 50);
  const hasIds = async () => (await livesOf(redis)).some(([kind]) => kind.includes("ids:"));
  await Promise.all(rooms.map((room) => node.say("hi", "id", room)));
  await Promise.all(rooms.map((room) => node.say("hi", "id", room)));
  await until(async () => !(await hasIds()));
  // A window later the same id is another message.
  const [room] = rooms;
  assert.equal((await node.say("hi", "id", room)).duplicate, false);
});

test("rooms that are opened and left leave no subscription and no member in Redis", { timeout }, async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const node = await nodeOn(t, redis, minuteMs);
  const channels = async () => (await redis.cli("PUBSUB", "SHARDCHANNELS")).length;
  const before = await channels();
  for (let round = 0; round < 3; round++) {
    const readings = await Promise.all(rooms.map((room) => node.readAs("ann", room)));
    assert.equal(await channels(), before + rooms.length);
    for (const { leave } of readings) leave();
    await until(async () => (await channels()) === before);
  }
  const kinds = async () => [...new Set((await livesOf(redis)).map(([kind]) => kind))].sort();
  await until(async () => !(await kinds()).some((kind) => kind.includes("node") && kind !== "{nodes}:alive"));
  assert.deepEqual(
    (await kinds()).filter((kind) => !kind.startsWith("probe:")),
    ["clock", "{nodes}:alive", "{}:meta"],
  );
});
