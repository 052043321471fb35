import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { untilHas } from "./testing/node.js";
import { aPrefix, openNode } from "./testing/open-node.js";
import { readmeRights } from "./testing/readme-rights.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

/** Why an engine does not start on this Redis. */
async function refusal(url: string): Promise<string> {
  try {
    await (await openNode({ url, answerTimeoutMs: 500 })).close();
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "RedisStartError", String(error));
    return error.message;
  }
  return "";
}

/** A server that answers every command with the same words. */
async function answering(t: TestContext, reply: string): Promise<string> {
  const server = createServer(
    (socket) => void socket.on("data", () => socket.write(reply)).on("error", () => undefined),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a Redis that is not there, or is no Redis, or says nothing, is named in one line", async (t) => {
  assert.match(await refusal("redis://127.0.0.1:1"), /^127\.0\.0\.1:1: nothing listens there/);
  assert.match(await refusal("redis://no-such-host.invalid"), /^no-such-host\.invalid:6379: there is no such host/);
  assert.match(await refusal(await answering(t, "HTTP/1.1 400 Bad Request\r\n\r\n")), /^127\.0\.0\.1:\d+: /);
  assert.match(await refusal(await answering(t, "")), /did not answer in 500 ms/);
});

test("a password that is wrong or missing is said to be, and never shown", async (t) => {
  const redis = await redisFor(t, { args: ["--save", "", "--requirepass", "secret"] });
  if (!redis) return;
  assert.match(await refusal(redis.url), /asks for a password/);
  const wrong = await refusal(`redis://:guess@127.0.0.1:${redis.port}`);
  assert.match(wrong, /user or password is wrong/);
  assert.ok(!wrong.includes("guess"));
  const engine = await openNode({ url: `redis://:secret@127.0.0.1:${redis.port}` });
  await engine.close();
});

test("a user with the rights of the README can do everything; one without the right to scripts is refused", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  await redis.cli("ACL", "SETUSER", "confab", ...(await readmeRights()));
  const url = `redis://confab:password@127.0.0.1:${redis.port}`;
  const [one, two] = await twoNodes(t, { url, prefix: "confab", retention: { maxAgeMs: 60_000 } });
  const reader = await two.read();
  await one.say("1", "id");
  await untilHas(reader, 1);
  assert.equal((await one.engine.log.list("", "", 10)).length, 1);
  await redis.cli("ACL", "SETUSER", "mute", "on", ">pw", "allkeys", "allchannels", "+@all", "-@scripting");
  assert.match(await refusal(`redis://mute:pw@127.0.0.1:${redis.port}`), /this user may not .*eval/is);
  await redis.cli("ACL", "SETUSER", "stranger", "on", ">pw", "~other:*", "&*", "+@all");
  assert.match(await refusal(`redis://stranger:pw@127.0.0.1:${redis.port}`), /this user may not/);
});

test("two deployments on one Redis, told apart by their prefixes, know nothing of each other", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, { url: redis.url, prefix: "one" });
  // The prefix of one begins with that of the other.
  const [other] = await twoNodes(t, { url: redis.url, prefix: "one:more" });
  const reader = await other.read();
  await one.say("1");
  await one.say("2");
  assert.equal((await other.say("1")).position.offset, 1);
  while (reader.offsets.length === 0) await new Promise(setImmediate);
  assert.deepEqual(reader.offsets, [1]);
  assert.deepEqual(
    (await other.engine.log.list("", "", 10)).map(({ room, newest }) => [room, newest]),
    [["lobby", 1]],
  );
});

test("the node says what an acknowledgement means there, and warns of eviction", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const lines: string[] = [];
  const log = {
    info: (_: object, line: string) => lines.push(line),
    warn: (_: object, line: string) => lines.push(line),
  };
  const said = async () => {
    lines.length = 0;
    await (await openNode({ url: redis.url, prefix: aPrefix(), log })).close();
    return lines.join("\n");
  };
  assert.match(await said(), /in Redis's memory; Redis writes nothing to disk: its restart loses every message/);
  await redis.cli("CONFIG", "SET", "save", "60 1");
  assert.match(await said(), /snapshots only \(save 60 1\)/);
  await redis.cli("CONFIG", "SET", "appendonly", "yes");
  assert.match(await said(), /within about a second \(appendfsync everysec\)/);
  await redis.cli("CONFIG", "SET", "appendfsync", "always");
  assert.match(await said(), /is on Redis's disk \(appendfsync always\)/);
  await redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  assert.match(await said(), /removes keys as soon as maxmemory is set \(maxmemory-policy allkeys-lru\)/);
});
