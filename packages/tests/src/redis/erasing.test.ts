import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import { lobby, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const secret = "the-password-is-hunter2";

test("an erased text is not in Redis, nor in the file that it writes then; both nodes go on in the same epoch", async (t) => {
  const redis = await redisFor(t, { args: ["--save", ""] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  // Messages of many sizes: small ones share a piece of the stream.
  for (let n = 1; n <= 300; n++)
    await one.say(n % 7 === 3 ? `${n}-${secret}` : `${n}`.padEnd(n % 90 === 0 ? 9_000 : n, "x"));
  await untilHas(reader, 300);
  const { epoch } = await one.engine.log.state(lobby);
  for (let offset = 3; offset <= 300; offset += 7) await two.hub.erase(lobby, { epoch, offset });
  // Compressed pieces would hide it.
  await redis.cli("CONFIG", "SET", "rdbcompression", "no");
  await redis.cli("SAVE");
  const file = await readFile(join(redis.folder, "dump.rdb"));
  assert.ok(!file.includes(secret));
  assert.ok(file.includes("4xxx"));
  const { entries } = (await one.engine.log.readForward(lobby, 0, { maxEntries: 1_000, maxBytes: 10_000_000 })).run;
  assert.deepEqual(
    entries.map(({ offset }) => offset),
    Array.from({ length: 300 }, (_, at) => at + 1),
  );
  const last = await one.say("next");
  assert.deepEqual(last.position, { epoch, offset: 301 });
  await untilHas(reader, 301);
});

test("nodes that knew an erased block before do not take the log for another one when Redis comes back", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes", "--appendfsync", "always"] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const readers = [await one.read(), await two.read()];
  const { position } = await one.say(secret);
  for (const reader of readers) await untilHas(reader, 1);
  await two.hub.erase(lobby, position);
  await redis.kill("SIGKILL");
  await until(() => one.engine.trouble() !== undefined && two.engine.trouble() !== undefined);
  await redis.run();
  const next = await one.sayUntilAcked("next");
  assert.deepEqual(next.position, { epoch: position.epoch, offset: 2 });
  for (const reader of readers) await untilHas(reader, 2);
});

test("a room that had other epochs knows them after an erasure", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  const { position } = await one.say(secret);
  // An earlier epoch, and the offset up to which its positions are good: they follow the record.
  const [key = ""] = await redis.cli("KEYS", "*:meta");
  await redis.cli("SETRANGE", key, "36", "abcd@@@@@@@@");
  const { lineage } = await one.engine.log.state(lobby);
  assert.deepEqual(
    lineage?.map(({ epoch }) => epoch),
    [0x61626364],
  );
  await one.hub.erase(lobby, position);
  assert.deepEqual((await one.engine.log.state(lobby)).lineage, lineage);
});

// SECURITY.md says so.
test("an erased text stays in the append-only file until Redis writes that again, and in the slow log until it is reset", async (t) => {
  const append = ["--appendonly", "yes", "--save", "", "--rdbcompression", "no"];
  const redis = await redisFor(t, { args: [...append, "--slowlog-log-slower-than", "0"] });
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  const { position } = await one.say(secret);
  await one.hub.erase(lobby, position);
  const isInFiles = async () => {
    const files = await readdir(redis.folder, { recursive: true, withFileTypes: true });
    const texts = files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name)));
    return (await Promise.all(texts)).some((text) => text.includes(secret));
  };
  const slow = async () => (await redis.cli("SLOWLOG", "GET", "1000")).some((line) => line.includes(secret));
  assert.deepEqual([await isInFiles(), await slow()], [true, true]);
  await redis.cli("SLOWLOG", "RESET");
  await redis.cli("BGREWRITEAOF");
  await until(async () => !(await isInFiles()));
  assert.equal(await slow(), false);
});
