import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import { type lobby, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const quietRoom = "quiet" as typeof lobby;

test("a Redis killed and back with its data: sends are refused with advice, and readers go on without a gap", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes", "--appendfsync", "always"] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const readers = [await one.read(), await two.read()];
  const first = await one.say("1");
  await redis.kill("SIGKILL");
  await until(() => one.engine.trouble() !== undefined && two.engine.trouble() !== undefined);
  await assert.rejects(one.say("lost"), { code: "ENGINE_UNAVAILABLE" });
  await redis.run();
  const second = await two.sayUntilAcked("2");
  assert.deepEqual(second.position, { epoch: first.position.epoch, offset: 2 });
  await one.sayUntilAcked("3");
  for (const reader of readers) await untilHas(reader, 3);
});

test("a Redis that comes back empty has another epoch, and each reader is told OUT_OF_RANGE", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const readers = [await one.read(), await two.read()];
  const { position } = await one.say("1");
  for (const reader of readers) await untilHas(reader, 1);
  await redis.kill("SIGKILL");
  await redis.run();
  // Nobody says anything: that the log is another one is noticed all the same.
  await until(() => readers.every(({ endedWith }) => endedWith !== undefined));
  for (const { endedWith } of readers) assert.equal(endedWith?.code, "OUT_OF_RANGE");
  await assert.rejects(two.read(position), { code: "OUT_OF_RANGE" });
  const again = await one.sayUntilAcked("1 again");
  assert.equal(again.position.offset, 1);
  assert.notEqual(again.position.epoch, position.epoch);
});

test("a Redis that comes back older, from a snapshot, begins another epoch in the rooms that lost messages, and only there", async (t) => {
  const redis = await redisFor(t, { args: ["--save", ""] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const quiet = await two.read(undefined, quietRoom);
  const busy = await two.read();
  await one.say("kept", "", quietRoom);
  const kept = await one.say("kept");
  await redis.cli("SAVE");
  await copyFile(join(redis.folder, "dump.rdb"), join(redis.folder, "older.rdb"));
  const lost = await one.say("acknowledged and lost");
  await untilHas(busy, 2);
  await redis.kill("SIGKILL");
  await copyFile(join(redis.folder, "older.rdb"), join(redis.folder, "dump.rdb"));
  await redis.run();
  const after = await one.sayUntilAcked("in its place");
  assert.equal(after.position.offset, 2);
  assert.notEqual(after.position.epoch, lost.position.epoch);
  await until(() => busy.endedWith !== undefined);
  assert.equal(busy.endedWith?.code, "OUT_OF_RANGE");
  for (const { position } of [kept, lost]) await assert.rejects(two.read(position), { code: "OUT_OF_RANGE" });
  await two.sayUntilAcked("goes on", quietRoom);
  await untilHas(quiet, 2);
});
