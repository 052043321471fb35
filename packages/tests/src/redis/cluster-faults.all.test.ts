import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { RedisCluster, until } from "../fixture/redis-cluster.js";
import { requirePart } from "../optional-parts.js";
import { lobby, untilHas } from "./testing/node.js";
import { twoNodes } from "./testing/redis-for.js";

async function clusterFor(t: TestContext, replicas: number): Promise<RedisCluster | undefined> {
  if (requirePart(t, "redis") === undefined) return undefined;
  const cluster = await RedisCluster.start({ replicas });
  t.after(() => cluster.stop());
  return cluster;
}

test("a room's slot moves to another master while it is spoken in: order is kept, and readers miss nothing", async (t) => {
  const cluster = await clusterFor(t, 0);
  if (!cluster) return;
  const [one, two] = await twoNodes(t, { url: cluster.url });
  const readers = [await one.read(), await two.read()];
  await one.say("1");
  const [slot, from] = await cluster.homeOf(`${one.prefix}:{${lobby}}:log`);
  const to = cluster.masters.find((master) => master !== from);
  assert.ok(to);

  let isMoved = false;
  let said = 1;
  const saying = (async () => {
    while (!isMoved || said < 300) assert.equal((await one.sayUntilAcked(String(said))).position.offset, ++said);
  })();
  await cluster.openSlot(slot, from, to);
  while (await cluster.moveKeys(slot, from, to, 10));
  await cluster.closeSlot(slot, from, to);
  isMoved = true;
  await saying;
  for (const reader of readers) await untilHas(reader, said);
  // What is said from now on is heard at its new home, without the log's help.
  await two.sayUntilAcked("after");
  for (const reader of readers) await untilHas(reader, said + 1);
});

test("a master of the Cluster dies and its replica takes over: sends go on, and readers miss nothing", async (t) => {
  const cluster = await clusterFor(t, 3);
  if (!cluster) return;
  const [one, two] = await twoNodes(t, { url: cluster.url });
  const reader = await two.read();
  // So that the replica has it, whatever happens next.
  const [careful] = await twoNodes(t, { url: cluster.url, prefix: one.prefix, waitReplicas: 1 });
  const { position } = await careful.sayUntilAcked("1");
  const [, master] = await cluster.homeOf(`${one.prefix}:{${lobby}}:log`);
  await master.kill("SIGKILL");
  const second = await one.sayUntilAcked("2");
  assert.deepEqual(second.position, { epoch: position.epoch, offset: 2 });
  await two.sayUntilAcked("3");
  await untilHas(reader, 3);
  await until(() => one.engine.trouble() === undefined && two.engine.trouble() === undefined);
});
