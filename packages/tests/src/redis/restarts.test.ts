import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import { lobby, TestNode, untilHas } from "./testing/node.js";
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
  await one.untilWell();
  // A sender that has read what is left may go on from there, also by its former position.
  const message = { user: "ann", text: "in its place", room: lobby, id: "" };
  const [after] = await one.hub.sendAll(lobby, [message], { expected: kept.position });
  assert.equal(after?.position.offset, 2);
  assert.notEqual(after.position.epoch, lost.position.epoch);
  await until(() => busy.endedWith !== undefined);
  assert.equal(busy.endedWith?.code, "OUT_OF_RANGE");
  await assert.rejects(two.read(lost.position), { code: "OUT_OF_RANGE" });
  const resumed = await two.read(kept.position);
  await until(() => resumed.offsets.length > 0);
  assert.deepEqual([resumed.offsets, [...resumed.epochs]], [[2], [after.position.epoch]]);
  await two.sayUntilAcked("goes on", quietRoom);
  await untilHas(quiet, 2);
});

test("after a snapshot was put back, positions up to the newest block that a node knows are good, and none after it", async (t) => {
  const redis = await redisFor(t, { args: ["--save", ""] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const { epoch } = (await one.say("1")).position;
  for (let offset = 2; offset <= 40; offset++) await one.say(`${offset}`);
  await redis.cli("SAVE");
  await copyFile(join(redis.folder, "dump.rdb"), join(redis.folder, "older.rdb"));
  for (let offset = 41; offset <= 45; offset++) await one.say(`${offset} lost`);
  await redis.kill("SIGKILL");
  // Before the nodes are back, one that knows nothing has sent on.
  const elsewhere = await redisFor(t, { args: ["--save", ""] });
  assert.ok(elsewhere);
  await elsewhere.kill("SIGKILL");
  await copyFile(join(redis.folder, "older.rdb"), join(elsewhere.folder, "dump.rdb"));
  await elsewhere.run();
  const stranger = await TestNode.open({ prefix: one.prefix, url: elsewhere.url });
  t.after(() => stranger.close());
  for (const offset of [41, 42]) assert.deepEqual((await stranger.say("not lost")).position, { epoch, offset });
  await elsewhere.cli("SAVE");
  await copyFile(join(elsewhere.folder, "dump.rdb"), join(redis.folder, "dump.rdb"));
  await redis.run();
  await one.untilWell();
  await two.untilWell();
  const state = await one.engine.log.state(lobby);
  const top = state.lineage?.[0]?.top ?? 0;
  assert.deepEqual([state.newest, state.lineage], [42, [{ epoch, top }]]);
  // Five were lost: of what was before about four times as many, a block is known.
  assert.ok(top >= 20 && top <= 40, String(top));
  const reader = await two.read({ epoch, offset: top });
  await one.say("43");
  await until(() => reader.offsets.at(-1) === 43 || reader.endedWith !== undefined);
  assert.deepEqual(
    reader.offsets,
    Array.from({ length: 43 - top }, (_, at) => top + 1 + at),
  );
  assert.deepEqual([...reader.epochs], [state.epoch]);
  for (const offset of [top + 1, 41, 42, 45, 46])
    await assert.rejects(two.read({ epoch, offset }), { code: "OUT_OF_RANGE" });
  // The record keeps them with what is appended.
  assert.deepEqual((await two.engine.log.state(lobby)).lineage, state.lineage);
});
