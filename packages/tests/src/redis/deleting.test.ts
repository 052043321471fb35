import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { RoomId } from "@confab/server/testing/redis-engine";
import { until } from "../fixture/redis-cluster.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { lobby, TestNode, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const durable = { args: ["--appendonly", "yes", "--appendfsync", "always", "--rdbcompression", "no"] };
const unshared = { begin: () => undefined, spend: () => undefined };

/** The files of a Redis that have a text, after it has written them again. */
async function filesWith(redis: RedisServer, text: string): Promise<string[]> {
  await redis.cli("BGREWRITEAOF");
  await until(async () => {
    const info = (await redis.cli("INFO", "persistence")).join("\n");
    return /aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info);
  });
  await redis.cli("SAVE");
  const found: string[] = [];
  for (const each of await readdir(redis.folder, { withFileTypes: true, recursive: true })) {
    const path = join(each.parentPath, each.name);
    if (each.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

test("a deleted room ends the readers of all nodes, is in no file of Redis, and begins again on any node", async (t) => {
  const redis = await redisFor(t, durable);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const three = await TestNode.open({ url: redis.url, prefix: one.prefix });
  t.after(() => three.close());
  const nodes = [one, two, three];
  for (let n = 1; n <= 20; n++) await one.say(`the-plan-${n}`, `id-${n}`);
  const { position } = await one.say("the-plan", "id");
  const readers = await Promise.all(nodes.map((node) => node.read({ epoch: position.epoch, offset: 0 })));
  for (const reader of readers) await untilHas(reader, 21);
  await one.engine.marks.move(lobby, { user: "the-planner", position, changes: 0, atMs: 1 });
  // As a sweep that found no node in the room leaves it.
  await redis.cli("SET", `${one.prefix}:{${lobby}}:idle`, "1");
  for (const text of ["the-plan-", "the-planner"]) assert.ok((await filesWith(redis, text)).length > 0);
  assert.equal(await two.engine.log.remove(lobby), 21);
  await until(() => readers.every(({ endedWith }) => endedWith !== undefined));
  for (const { endedWith } of readers)
    assert.equal(endedWith instanceof ConfabError ? endedWith.code : endedWith, "OUT_OF_RANGE");
  for (const text of ["the-plan", "the-planner"]) assert.deepEqual(await filesWith(redis, text), []);
  // The epoch that readers who come now hold, for an hour.
  assert.deepEqual(await redis.cli("KEYS", `*{${lobby}}:*`), [`${one.prefix}:{lobby}:meta`]);
  assert.deepEqual(await three.engine.log.list("", "", 10), []);
  const again = await three.say("again", "id");
  assert.deepEqual([again.duplicate, again.position.offset], [false, 1]);
  assert.notEqual(again.position.epoch, position.epoch);
  for (const node of nodes) assert.equal((await node.engine.log.list("", "", 10)).length, 1);
  const late = await Promise.all(nodes.map((node) => node.read({ ...again.position, offset: 0 })));
  for (const reader of late) await untilHas(reader, 1);
});

test("a room that was deleted stays deleted when Redis is killed, and its nodes go on", async (t) => {
  const redis = await redisFor(t, durable);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const { position } = await one.say("before");
  const reader = await two.read(position);
  await one.engine.log.remove(lobby);
  await redis.kill("SIGKILL");
  await until(() => one.engine.trouble() !== undefined && two.engine.trouble() !== undefined);
  await redis.run();
  const next = await two.sayUntilAcked("after");
  assert.notEqual(next.position.epoch, position.epoch);
  assert.equal(next.position.offset, 1);
  await until(() => reader.endedWith !== undefined);
  assert.deepEqual(reader.offsets, []);
});

test("neither the texts nor the name of an erased user are in a command's answer or in a file of Redis", async (t) => {
  const redis = await redisFor(t, durable);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const rooms = ["a", "b", "c"] as RoomId[];
  for (let n = 0; n < 300; n++) {
    const user = n % 2 === 0 ? "erika-mustermann" : "otto";
    const text = n % 2 === 0 ? "private-words" : "public-words";
    await one.hub.send({ user, text, room: rooms[n % 3] as RoomId, id: `${n}` });
  }
  const done = await two.hub.eraseUser({ user: "erika-mustermann", from: undefined, share: unshared });
  assert.deepEqual([done.messages, done.rooms, done.unreadable, done.next], [150, 3, 0, undefined]);
  for (const gone of ["erika-mustermann", "private-words"]) assert.deepEqual(await filesWith(redis, gone), [], gone);
  assert.ok((await filesWith(redis, "public-words")).length > 0);
  assert.match(await one.engine.scrub(), /BGREWRITEAOF and SAVE/);
  // It is still the same send.
  const again = await one.hub.send({ user: "erika-mustermann", text: "private-words", room: "a", id: "0" });
  assert.deepEqual([again.duplicate, again.position.offset], [true, 1]);
});

test("a room of a later format is neither deleted nor looked through, and the others are", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  for (const room of ["a", "b"] as RoomId[]) await one.say("hi", "", room);
  await redis.cli("SET", `${one.prefix}:{a}:meta`, "\u0002later");
  await assert.rejects(
    one.engine.log.remove("a" as RoomId),
    (error) => error instanceof ConfabError && error.code === "NEWER_FORMAT",
  );
  assert.deepEqual(await redis.cli("EXISTS", `${one.prefix}:{a}:log`), ["1"]);
  const done = await one.hub.eraseUser({ user: "ann", from: undefined, share: unshared });
  assert.deepEqual([done.messages, done.rooms], [1, 1]);
});
