import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { startCutProxy } from "../fixture/cut-proxy.js";
import { until } from "../fixture/redis-cluster.js";
import { lobby, TestNode, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

test("Pub/Sub connections killed, and what was said meanwhile, in a room that is quiet then: readers have it", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  await one.say("1");
  await untilHas(reader, 1);
  for (let round = 0; round < 5; round++) {
    await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
    await one.say("said while nobody hears");
    await untilHas(reader, round + 2);
  }
});

test("command connections killed: sends succeed or are refused with advice, and nothing is stored twice", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  const count = 200;
  const offsets: number[] = [];
  const kills: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    // At some moment of the sends that follow.
    if (i % 20 === 10) kills.push(redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
    offsets.push((await (i % 2 ? one : two).sayUntilAcked(String(i))).position.offset);
  }
  await Promise.all(kills);
  assert.deepEqual(
    offsets,
    Array.from({ length: count }, (_, index) => index + 1),
  );
  await untilHas(reader, count);
});

test("a Redis that is stopped and goes on: sends have an outcome in time, readers are made whole", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  await one.say("1");
  redis.signal("SIGSTOP");
  await assert.rejects(one.say("2", "id-2"), { code: "OUTCOME_UNKNOWN" });
  await until(() => one.engine.trouble() !== undefined);
  await assert.rejects(one.say("3", "id-3"), (error) => {
    assert.ok(error instanceof ConfabError && error.code === "ENGINE_UNAVAILABLE");
    return (error.facts.retryAfterMs ?? 0) > 0;
  });
  redis.signal("SIGCONT");
  await one.untilWell();
  // Redis may have read it before it was stopped, or after it went on, or never: the id tells.
  const { position } = await one.say("2", "id-2");
  assert.equal(position.offset, 2);
  await two.sayUntilAcked("3");
  await untilHas(reader, 3);
});

test("a slow Redis is waited for", async (t) => {
  const redis = await redisFor(t, { args: ["--save", "", "--enable-debug-command", "yes"] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  const sleeping = redis.cli("DEBUG", "SLEEP", "0.5");
  const acks = await Promise.all(["1", "2", "3"].map((text) => one.say(text)));
  assert.deepEqual(
    acks.map(({ position }) => position.offset),
    [1, 2, 3],
  );
  await sleeping;
  const pausing = redis.cli("CLIENT", "PAUSE", "300", "WRITE");
  await one.say("4");
  await pausing;
  await untilHas(reader, 4);
});

test("scripts flushed from Redis are sent again", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  await one.say("1");
  await redis.cli("SCRIPT", "FLUSH");
  const acks = await Promise.all(Array.from({ length: 20 }, (_, i) => one.say(String(i))));
  assert.deepEqual(
    acks.map(({ position }) => position.offset),
    Array.from({ length: 20 }, (_, i) => i + 2),
  );
  await untilHas(reader, 21);
});

test("a Pub/Sub connection that is open and brings nothing is found and made anew, and readers have what they missed", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const proxy = await startCutProxy(redis.port);
  t.after(() => proxy.close());
  const node = await TestNode.open({ url: proxy.url.replace("http:", "redis:"), prefix: "stalled" });
  t.after(() => node.close());
  const other = await TestNode.open({ url: redis.url, prefix: "stalled" });
  t.after(() => other.close());
  const reader = await node.read();
  await other.say("1");
  await untilHas(reader, 1);
  // The first connection is for commands, the second for Pub/Sub.
  proxy.stall(2);
  await other.say("2");
  assert.equal((await node.engine.log.state(lobby)).newest, 2, "commands work all the time");
  await untilHas(reader, 2);
  assert.equal(proxy.connections, 3);
});

test("a command connection that is open and answers nothing: sends have an outcome in time, readers hear all the while", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const proxy = await startCutProxy(redis.port);
  t.after(() => proxy.close());
  const node = await TestNode.open({ url: proxy.url.replace("http:", "redis:"), prefix: "stalled" });
  t.after(() => node.close());
  const other = await TestNode.open({ url: redis.url, prefix: "stalled" });
  t.after(() => other.close());
  const reader = await node.read();
  proxy.stall(1);
  const lost = assert.rejects(node.say("1", "id-1"), { code: "OUTCOME_UNKNOWN" });
  await other.say("2");
  await untilHas(reader, 1);
  await lost;
  const { position } = await node.sayUntilAcked("3");
  assert.equal(position.offset, 2, "what was held up never came");
  await untilHas(reader, 2);
});

test("junk on a room's channel reaches nobody and harms nothing", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, { url: redis.url, prefix: "junk" });
  const reader = await one.read();
  for (const junk of ["", "junk", "\u0001short", "\u0002\u00ff", "\u0009"]) {
    await redis.cli("SPUBLISH", "junk:{lobby}:bus", junk);
  }
  await one.say("1");
  await untilHas(reader, 1);
  assert.equal(one.engine.trouble(), undefined);
});
