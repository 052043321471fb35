import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { until } from "../fixture/redis-cluster.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { startServerProcess } from "../fixture/server-process.js";
import { rawReaders } from "../parity/raw-readers.js";
import { rawSenders } from "../parity/raw-senders.js";
import { lobby, TestNode, untilHas } from "./testing/node.js";
import { redisFor } from "./testing/redis-for.js";
import { logIn, takeOver } from "./testing/room-keys.js";

const prefix = "confab";
const other = "other" as typeof lobby;
const newerFormat = { code: "NEWER_FORMAT" };
const wholePage = { maxEntries: 10, maxBytes: 1_000 };

async function nodeOn(t: TestContext, redis: RedisServer, config: Partial<Parameters<typeof TestNode.open>[0]> = {}) {
  const warnings: string[] = [];
  const log = { info: () => undefined, warn: (_facts: object, text: string) => void warnings.push(text) };
  const node = await TestNode.open({ url: redis.url, prefix, log, ...config });
  t.after(() => node.close());
  const named = () => warnings.filter((text) => text.includes("stored it in format 2; upgrade this node"));
  return { node, named };
}

test("a room that a later version has taken over is refused by each operation, and nothing of it is changed", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const { node, named } = await nodeOn(t, redis);
  const { position } = await node.say("1", "id-1");
  await node.say("1", "", other);
  const reader = await node.read(undefined, other);
  await takeOver(redis, prefix, lobby);
  const before = await logIn(redis, prefix, lobby);
  const { log, members } = node.engine;
  const message = { user: "ann", text: "2", room: lobby, id: "" };
  const operations: Readonly<Record<string, () => unknown>> = {
    send: () => node.say("2"),
    "send again": () => node.say("1", "id-1"),
    "send a batch": () => node.hub.sendAll(lobby, [message]),
    "send at a position": () => node.hub.sendAll(lobby, [message], { expected: position }),
    "send to an empty room": () => node.hub.sendAll(lobby, [message], { expected: { ...position, offset: 0 } }),
    subscribe: () => node.read(),
    resume: () => node.read(position),
    state: () => log.state(lobby),
    "read forward": () => log.readForward(lobby, 0, wholePage),
    "read backward": () => log.readBackward(lobby, 2, wholePage),
    members: () => members.page(lobby, "", 10),
    erase: () => log.erase(lobby, position.epoch, [{ offset: position.offset, body: new Uint8Array(1) }]),
  };
  for (const [name, operation] of Object.entries(operations))
    await assert.rejects(async () => operation(), newerFormat, name);
  assert.deepEqual(
    (await log.list("", "", 10)).map(({ room }) => room),
    [other],
  );
  assert.equal(await logIn(redis, prefix, lobby), before);
  assert.equal(named().length, 1);
  await node.say("2", "", other);
  await until(() => String(reader.offsets) === "2");
  assert.equal(node.engine.trouble(), undefined);
});

test("a later version takes a room over that is read: by its message on the bus, and without one, each reader is told", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const { node } = await nodeOn(t, redis);
  await node.say("1");
  const reader = await node.read();
  await redis.cli("SPUBLISH", `${prefix}:{${lobby}}:bus`, "\u0006what this version does not know");
  await node.say("2");
  await until(() => String(reader.offsets) === "2");
  await takeOver(redis, prefix, lobby);
  await redis.cli("SPUBLISH", `${prefix}:{${lobby}}:bus`, "\u0006the same");
  await until(() => reader.endedWith !== undefined);
  assert.equal(reader.endedWith?.code, "NEWER_FORMAT");

  const quiet = await node.read(undefined, other);
  await takeOver(redis, prefix, other);
  await until(() => {
    node.hub.checkIdleRooms();
    return quiet.endedWith !== undefined;
  });
  assert.equal(quiet.endedWith?.code, "NEWER_FORMAT");
});

test("what passes its age in a room that a later version has taken over stays, and goes in the others", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const { node, named } = await nodeOn(t, redis, { retention: { maxAgeMs: 200 }, sweepIntervalMs: 20 });
  for (const room of [lobby, other]) for (const text of ["1", "2", "3"]) await node.say(text, "", room);
  await takeOver(redis, prefix, lobby);
  const before = await logIn(redis, prefix, lobby);
  await until(async () => (await node.engine.log.state(other)).messages === 1);
  await until(() => named().length === 1);
  assert.equal(await logIn(redis, prefix, lobby), before);
});

test("a Redis that comes back with a room that a later version has taken over meanwhile: the room stays as it is", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes", "--appendfsync", "always"] });
  if (!redis) return;
  const { node, named } = await nodeOn(t, redis);
  const readers = [await node.read(), await node.read(undefined, other)] as const;
  await node.say("1");
  await node.say("1", "", other);
  await takeOver(redis, prefix, lobby);
  const before = await logIn(redis, prefix, lobby);
  await redis.kill("SIGKILL");
  await redis.run();
  await node.sayUntilAcked("2", other);
  await untilHas(readers[1], 2);
  await until(() => readers[0].endedWith !== undefined);
  assert.equal(readers[0].endedWith?.code, "NEWER_FORMAT");
  assert.equal(await logIn(redis, prefix, lobby), before);
  assert.equal(named().length, 1);
});

test("every transport refuses to read and to send in such a room, and the server goes on", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const server = await startServerProcess({ flags: { engine: { kind: "redis", url: redis.url } } });
  t.after(() => server.stop());
  const sent = (room: string, format: "proto" | "json") => {
    const message = create(ChatMessageSchema, { user: "ann", text: "hi", room });
    return format === "proto"
      ? toBinary(ChatMessageSchema, message)
      : Buffer.from(toJsonString(ChatMessageSchema, message));
  };
  await rawSenders[0]?.send(server.url, sent(lobby, "proto"));
  await takeOver(redis, prefix, lobby);
  for (const { name, format, send } of rawSenders) {
    assert.equal(await send(server.url, sent(lobby, format)), "NEWER_FORMAT", `${name} sends`);
    assert.equal(await send(server.url, sent(other, format)), "stored", `${name} sends to another room`);
  }
  for (const { name, readFrom } of rawReaders)
    assert.equal(await readFrom(server.url, lobby, { epoch: 1, offset: 1 }), "NEWER_FORMAT", `${name} reads`);
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    return [response.status, response.headers.get("retry-after"), await response.json()] as const;
  };
  const [status, retryAfter] = await get(`/v1/rooms/${lobby}/members`);
  assert.deepEqual([status, retryAfter], [503, "5"]);
  const [, , listed] = await get("/v1/rooms");
  assert.deepEqual(
    (listed as { rooms: { name: string }[] }).rooms.map(({ name }) => name),
    [other],
  );
});
