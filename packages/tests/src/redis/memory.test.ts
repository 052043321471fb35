import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import { lobby, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const prefix = "memory";
const [log, meta] = ["log", "meta"].map((name) => `${prefix}:{lobby}:${name}`) as [string, string];

test("a Redis without memory refuses sends with STORAGE_FULL; reading and revoking go on, and sends when there is room", async (t) => {
  const redis = await redisFor(t, { args: ["--save", "", "--maxmemory", "10mb"] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const large = "x".repeat(60_000);
  let stored = 0;
  await assert.rejects(
    async () => {
      for (; stored < 1_000; stored++) await one.say(large);
    },
    { code: "STORAGE_FULL" },
  );
  const reader = await two.read({ ...(await one.engine.log.state(lobby)), offset: 0 });
  await untilHas(reader, stored);
  // A room that nobody wrote to can be read too: it needs a record.
  await two.read(undefined, "empty" as typeof lobby);
  assert.equal(one.engine.trouble(), undefined);
  // A token may leak just then.
  await one.engine.revocations.add({ tokenId: "leaked", user: "", issuedBeforeMs: 0, untilMs: Date.now() + 60_000 });
  await two.engine.revocations.watch(() => undefined);
  assert.deepEqual(
    two.engine.revocations.all().map(({ tokenId }) => tokenId),
    ["leaked"],
  );
  await redis.cli("CONFIG", "SET", "maxmemory", "20mb");
  await one.say("again");
  await untilHas(reader, stored + 1);
});

test("a room whose record is evicted begins another epoch, and its readers are told", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, { url: redis.url, prefix });
  const reader = await two.read();
  const { position } = await one.say("1", "id-1");
  await untilHas(reader, 1);
  await redis.cli("DEL", meta);
  const again = await one.say("1", "id-1");
  assert.equal(again.duplicate, false);
  assert.equal(again.position.offset, 1);
  assert.notEqual(again.position.epoch, position.epoch);
  await assert.rejects(untilHas(reader, 2), { code: "OUT_OF_RANGE" });
  assert.deepEqual((await two.engine.log.state(lobby)).messages, 1);
});

test("a room whose messages are evicted goes on from its top, and who needs them is told", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, { url: redis.url, prefix });
  for (const text of ["1", "2", "3"]) await one.say(text);
  const { epoch } = await one.engine.log.state(lobby);
  const reader = await two.read({ epoch, offset: 3 });
  await redis.cli("DEL", log);
  assert.deepEqual(await two.engine.log.state(lobby), { epoch, oldest: 4, newest: 3, messages: 0 });
  await assert.rejects(two.read({ epoch, offset: 1 }), { code: "OUT_OF_RANGE" });
  await one.say("4");
  assert.deepEqual(await two.engine.log.state(lobby), { epoch, oldest: 4, newest: 4, messages: 1 });
  await assert.rejects(two.read({ epoch, offset: 1 }), { code: "OUT_OF_RANGE" });
  while (reader.offsets.length === 0) await new Promise(setImmediate);
  assert.deepEqual(reader.offsets, [4]);
});

test("a stream that holds more than its record knows is not built upon", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, { url: redis.url, prefix });
  const { position } = await one.say("1");
  await redis.cli("XADD", log, "9-1", "1", "?");
  const next = await two.say("2");
  assert.notEqual(next.position.epoch, position.epoch);
  assert.deepEqual((await one.engine.log.readForward(lobby, 0, { maxEntries: 9, maxBytes: 999 })).run.count, 1);
});

test("messages past their age go in a room in which nobody speaks any more, and its newest stays", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, { url: redis.url, prefix, retention: { maxAgeMs: 1 } });
  await Promise.all([one.say("1"), one.say("2")]);
  await one.say("3");
  await until(async () => (await one.engine.log.state(lobby)).messages === 1);
  assert.equal((await one.engine.log.state(lobby)).newest, 3);
});

test("a node closes at once while Redis is away", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, { url: redis.url, prefix, answerTimeoutMs: 60_000 });
  redis.signal("SIGSTOP");
  const lost = assert.rejects(one.say("lost"), { code: "OUTCOME_UNKNOWN" });
  await redis.kill("SIGKILL");
  await lost;
  await one.close();
});
