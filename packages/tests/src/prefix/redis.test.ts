import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startServerProcess } from "../fixture/server-process.js";
import { redisFor } from "../redis/testing/redis-for.js";
import { quickClient } from "../sdk/conversation.js";
import { numbers, PrefixReader, Team } from "./testing/prefix-reader.js";

const timeout = 240_000;

/** Three nodes with one Redis, and a sender at each; undefined: this machine has no Redis. */
async function threeNodes(t: TestContext) {
  const redis = await redisFor(t);
  if (!redis) return undefined;
  const flags = { engine: { kind: "redis", url: redis.url }, limits: { maxPendingSends: 100_000 } } as const;
  const nodes = await Promise.all(
    numbers(0, 3).map(async () => {
      const node = await startServerProcess({ flags });
      t.after(() => node.stop());
      return node;
    }),
  );
  const senders = nodes.map(({ url }) => {
    const sender = quickClient({ url, user: "ann", maxQueuedSends: 100_000 });
    t.after(() => sender.close());
    return sender;
  });
  const urlOf = (at: number) => nodes[at]?.url ?? assert.fail();
  return { redis, nodes, senders, urlOf };
}

test("each message on three nodes once and in order, through lost channels, a killed node and rooms that are made meanwhile", {
  timeout,
}, async (t) => {
  const three = await threeNodes(t);
  if (!three) return;
  const { redis, nodes, senders, urlOf } = three;
  const team = new Team("team-7.", senders.slice(0, 2));
  await team.say(numbers(0, 50), { first: 2 });
  const readers = numbers(0, 3).map(() => new PrefixReader("team-7."));
  t.after(() => {
    for (const reader of readers) reader.kill();
  });
  for (const [at, reader] of readers.entries()) reader.start({ url: urlOf(at), transport: "websocket-proto" });
  for (const reader of readers) await reader.untilRooms(50);

  // What is announced while the channels are lost is found later.
  const saying = team.say(numbers(0, 120), { times: 3 });
  for (let cut = 0; cut < 3; cut++) {
    await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await saying;
  for (const reader of readers) await reader.untilGiven(team.total);

  // The third node dies, and its reader goes on at another one.
  const [, , lost] = readers;
  await nodes[2]?.kill("SIGKILL");
  lost?.kill();
  await team.say(numbers(100, 40), { times: 2 });
  lost?.start({ url: urlOf(0), transport: "grpc" });
  await team.say(numbers(130, 30));
  for (const reader of readers) await reader.untilGiven(team.total);
  for (const reader of readers) reader.prove(team.rooms);
});

test("a room that another node makes is given within a second", { timeout }, async (t) => {
  const three = await threeNodes(t);
  if (!three) return;
  const { senders, urlOf } = three;
  const reader = new PrefixReader("soon.");
  t.after(() => reader.kill());
  reader.start({ url: urlOf(1), transport: "websocket-proto" });
  await reader.untilRooms(0);
  const team = new Team("soon.", senders.slice(0, 1));
  const tookMs: number[] = [];
  for (const at of numbers(0, 20)) {
    await team.say([at]);
    const saidAtMs = performance.now();
    await reader.untilGiven(team.total);
    tookMs.push(performance.now() - saidAtMs);
  }
  tookMs.sort((a, b) => a - b);
  t.diagnostic(`median ${tookMs[10]?.toFixed(1)} ms, longest ${tookMs.at(-1)?.toFixed(1)} ms`);
  // Far below the interval at which the index is looked at.
  assert.ok((tookMs[10] ?? 0) < 1_000);
  reader.prove(team.rooms);
});
