import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "../fixture/redis-cluster.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { lobby, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

interface Watched {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly url: string;
}

/** A master, its replica and one Sentinel that may decide alone; undefined: this machine has no Redis. */
async function watchedPair(t: TestContext): Promise<Watched | undefined> {
  const master = await redisFor(t);
  if (!master) return undefined;
  const replica = await redisFor(t, { args: ["--save", "", "--replicaof", "127.0.0.1", String(master.port)] });
  assert.ok(replica);
  await until(async () =>
    (await replica.cli("INFO", "replication")).some((line) => /^master_link_status:up/.test(line)),
  );
  // The master counts a replica only from its first acknowledgement on, which may take a second.
  await until(async () =>
    (await master.cli("INFO", "replication")).some((line) => /^slave0:.*state=online/.test(line)),
  );
  const folder = await mkdtemp(join(tmpdir(), "confab-sentinel-"));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const configFile = join(folder, "sentinel.conf");
  await writeFile(
    configFile,
    `sentinel monitor rooms 127.0.0.1 ${master.port} 1
sentinel down-after-milliseconds rooms 500
sentinel failover-timeout rooms 2000
`,
  );
  const sentinel = await redisFor(t, { configFile, args: ["--sentinel"] });
  assert.ok(sentinel);
  await until(async () =>
    (await sentinel.cli("SENTINEL", "REPLICAS", "rooms")).some((line) => line === String(replica.port)),
  );
  return { master, replica, url: `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/rooms` };
}

test("a failover by Sentinel: sends go on at the new master, and readers miss nothing", async (t) => {
  const redis = await watchedPair(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, { url: redis.url });
  const reader = await two.read();
  const { position } = await one.sayUntilAcked("1");
  await until(async () => (await redis.replica.cli("XLEN", `${one.prefix}:{lobby}:log`))[0] === "1");
  await redis.master.kill("SIGKILL");
  const second = await one.sayUntilAcked("2");
  assert.deepEqual(second.position, { epoch: position.epoch, offset: 2 });
  await two.sayUntilAcked("3");
  await untilHas(reader, 3);
});

test("a failover to a replica that lagged: what is lost begins another epoch, and readers are told", async (t) => {
  const redis = await watchedPair(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, { url: redis.url });
  const reader = await two.read();
  await one.sayUntilAcked("1");
  await until(async () => (await redis.replica.cli("XLEN", `${one.prefix}:{lobby}:log`))[0] === "1");
  await redis.replica.cli("SAVE");
  await redis.replica.kill("SIGKILL");
  const lost = await one.say("acknowledged and lost");
  await untilHas(reader, 2);
  await redis.master.kill("SIGKILL");
  await redis.replica.run();
  const after = await one.sayUntilAcked("in its place");
  assert.equal(after.position.offset, 2);
  assert.notEqual(after.position.epoch, lost.position.epoch);
  await until(() => reader.endedWith !== undefined);
  assert.equal(reader.endedWith?.code, "OUT_OF_RANGE");
});

test("--redis-wait-replicas: with the replica a send is acknowledged, without it the outcome is unknown", async (t) => {
  const redis = await watchedPair(t);
  if (!redis) return;
  const [one] = await twoNodes(t, { url: redis.master.url, waitReplicas: 1 });
  // On a busy machine the replica may be late: that is what the outcome says, and the same send again has the answer.
  for (const offset of [1, 2, 3]) assert.equal((await one.sayUntilAcked(`${offset}`)).position.offset, offset);
  redis.replica.signal("SIGSTOP");
  await assert.rejects(one.say("4", "id-4"), { code: "OUTCOME_UNKNOWN" });
  // Reading does not wait for replicas.
  assert.equal((await one.engine.log.state(lobby)).newest, 4);
  redis.replica.signal("SIGCONT");
  const again = await one.sayUntilAcked("5");
  assert.equal(again.position.offset, 5);
});
