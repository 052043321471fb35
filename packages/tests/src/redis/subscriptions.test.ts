import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { limitsWith } from "@confab/contract";
import { RedisCluster, until } from "../fixture/redis-cluster.js";
import { RedisServer } from "../fixture/redis-server.js";
import { type SlowProxy, startSlowProxy } from "../fixture/slow-proxy.js";
import { findPart, requirePart } from "../optional-parts.js";
import { lobby, type Reading, TestNode } from "./testing/node.js";
import { aPrefix } from "./testing/open-node.js";

// Nothing here looks at idle rooms: a reader that is deaf stays deaf, and its test runs into this limit.
const timeout = 60_000;

/** A Redis behind proxies. */
interface FarRedis {
  readonly url: string;
  readonly proxies: readonly SlowProxy[];
  /** All channels with a subscription. */
  channels(): Promise<string[]>;
  stop(): Promise<void>;
}

async function startServer(): Promise<FarRedis> {
  const redis = await RedisServer.start();
  const proxy = await startSlowProxy(redis.port);
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    proxies: [proxy],
    channels: () => redis.cli("PUBSUB", "SHARDCHANNELS"),
    stop: async () => {
      await proxy.close();
      await redis.stop();
    },
  };
}

async function startCluster(): Promise<FarRedis & { readonly cluster: RedisCluster }> {
  const cluster = await RedisCluster.start();
  const proxies = await Promise.all(cluster.masters.map(({ port }) => startSlowProxy(port)));
  await cluster.announce(proxies.map(({ port }) => port));
  return {
    cluster,
    url: `redis+cluster://${proxies.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    proxies,
    channels: async () => {
      const lists = await Promise.all(cluster.masters.map((master) => master.cli("PUBSUB", "SHARDCHANNELS")));
      return lists.flat();
    },
    stop: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await cluster.stop();
    },
  };
}

const hasRedis = findPart("redis") !== undefined;
const server = hasRedis ? await startServer() : undefined;
const cluster = hasRedis ? await startCluster() : undefined;
after(async () => {
  await server?.stop();
  await cluster?.stop();
});

/** The node whose readers come and go, and another one. */
async function nodesOn(
  t: TestContext,
  { url, proxies }: FarRedis,
  // What could not be written of presence is written with the next heartbeat.
  { roundTripMs, nodeTimeoutMs = 900 }: { readonly roundTripMs: number; readonly nodeTimeoutMs?: number },
): Promise<[TestNode, TestNode]> {
  for (const proxy of proxies) proxy.roundTripMs = roundTripMs;
  const prefix = aPrefix();
  const limits = limitsWith({ nodeTimeoutMs });
  const open = async () => {
    const node = await TestNode.open({ url, prefix, answerTimeoutMs: 5_000, limits, calmRefreshMs: 600_000 });
    t.after(() => node.close());
    return node;
  };
  return [await open(), await open()];
}

const pause = (ms: number) => new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));

/** What is said, signalled and entered on another node reaches a reader. */
async function receives({ sink }: Reading, other: TestNode, round: number): Promise<void> {
  const before = sink.offsets.length;
  await other.sayUntilAcked(`round ${round}`);
  other.signal(`round-${round}`);
  const visitor = await other.readAs(`visitor-${round}`);
  await until(
    () =>
      sink.offsets.length === before + 1 &&
      sink.signals.some(({ kind }) => kind === `round-${round}`) &&
      sink.presenceChanges.some(({ user, isPresent }) => user === `visitor-${round}` && isPresent),
  );
  visitor.leave();
}

for (const [form, redis] of [
  ["one server", server],
  ["a Cluster", cluster],
] as const) {
  for (const roundTripMs of [0, 5, 25]) {
    test(`${form}, ${roundTripMs} ms away: the last reader leaves, and one that comes within a round trip receives everything`, {
      timeout,
    }, async (t) => {
      if (!redis) return void requirePart(t, "redis");
      const [node, other] = await nodesOn(t, redis, { roundTripMs });
      let reading = await node.readAs("tab");
      // At the same moment, in later turns of the event loop, and at moments within a round trip and after it.
      const moments = [
        undefined,
        undefined,
        0,
        0,
        roundTripMs / 4,
        roundTripMs / 2,
        roundTripMs * 0.9,
        roundTripMs * 2,
      ];
      for (const [round, moment] of moments.entries()) {
        reading.leave();
        if (moment !== undefined) await pause(moment);
        reading = await node.readAs("tab");
        await receives(reading, other, round);
      }
    });
  }

  test(`${form}: readers that come and go at once leave no subscription behind, and the last one to come receives`, {
    timeout,
  }, async (t) => {
    if (!redis) return void requirePart(t, "redis");
    const [node, other] = await nodesOn(t, redis, { roundTripMs: 5 });
    for (let round = 0; round < 20; round++) {
      const readings = [node.readAs("a"), node.readAs("b")];
      if (round % 3 === 0) await pause(round % 4);
      for (const reading of await Promise.all(readings)) reading.leave();
    }
    const last = await node.readAs("last");
    await receives(last, other, 1);
    last.leave();
    await until(async () => !(await redis.channels()).includes(`${node.prefix}:{${lobby}}:bus`));
  });

  test(`${form}: connections lost while a reader leaves and another comes: the second receives everything`, {
    timeout,
  }, async (t) => {
    if (!redis) return void requirePart(t, "redis");
    const [node, other] = await nodesOn(t, redis, { roundTripMs: 5 });
    let reading = await node.readAs("tab");
    for (const [round, moments] of [
      [0, 0],
      [2, 0],
      [0, 2],
      [3, 3],
    ].entries()) {
      reading.leave();
      await pause(moments[0] ?? 0);
      const comes = node.readUntilTaken("tab");
      await pause(moments[1] ?? 0);
      for (const proxy of redis.proxies) proxy.cut();
      reading = await comes;
      // What is signalled and entered while a connection is away is lost, and the log is asked for what was said.
      await node.untilWell();
      await other.untilWell();
      await receives(reading, other, round);
    }
  });
}

/** Another master than the one that has a channel, and the channel's slot. */
async function moveOf(channel: string) {
  assert.ok(cluster);
  const [slot, from] = await cluster.cluster.homeOf(channel);
  const to = cluster.cluster.masters.find((master) => master !== from);
  assert.ok(to);
  return { slot, from, to };
}

for (const isBusy of [false, true]) {
  const meanwhile = isBusy
    ? "while subscriptions of others are on their way"
    : "of a room in which nothing else happens";
  test(`a Cluster: a channel moves ${meanwhile}: its readers have what is sent next`, { timeout }, async (t) => {
    if (!cluster) return void requirePart(t, "redis");
    // Heartbeats would find the move too.
    const [node, other] = await nodesOn(t, cluster, { roundTripMs: 5, nodeTimeoutMs: 600_000 });
    const reading = await node.readAs("tab");
    const channel = `${node.prefix}:{${lobby}}:bus`;
    await receives(reading, other, 0);
    const { slot, from, to } = await moveOf(channel);
    // Rooms whose channels are at the same server, so that their answers come by the same connection.
    const rooms: (typeof lobby)[] = [];
    for (let i = 0; isBusy && rooms.length < 20; i++) {
      const [itsSlot, home] = await cluster.cluster.homeOf(`${node.prefix}:{room-${i}}:bus`);
      if (home === from && itsSlot !== slot) rooms.push(`room-${i}` as typeof lobby);
    }
    let isMoved = false;
    const visiting = rooms.map(async (room) => {
      while (!isMoved) (await node.readUntilTaken("visitor", room)).leave();
    });
    await cluster.cluster.openSlot(slot, from, to);
    while (await cluster.cluster.moveKeys(slot, from, to, 100));
    await cluster.cluster.closeSlot(slot, from, to);
    await other.sayUntilAcked("at its new home");
    await until(() => reading.sink.offsets.length === 2);
    isMoved = true;
    await Promise.all(visiting);
  });
}
