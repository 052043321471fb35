import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsWith } from "@confab/contract";
import type { RoomId } from "@confab/server/testing/redis-engine";
import { until } from "../fixture/redis-cluster.js";
import { aPrefix, openNode } from "./testing/open-node.js";
import { redisFor } from "./testing/redis-for.js";

test("a room that only a dead node's readers were in is vacated on a living one, and one that others read is not", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const prefix = aPrefix();
  // What a node leaves that ends without a word: it is listed in two rooms, and the others have found it silent.
  for (const room of ["den", "lair"]) {
    await redis.cli("HSET", `${prefix}:{${room}}:nodes`, "ghost", "1:1");
    await redis.cli("SADD", `${prefix}:node:{ghost}:rooms`, room);
  }
  const node = await openNode({ url: redis.url, prefix, limits: limitsWith({ nodeTimeoutMs: 600 }) });
  t.after(() => node.close());
  const changes: string[] = [];
  node.members.watchOccupancy?.((room, isOccupied) => void changes.push(`${isOccupied ? "+" : "-"}${room}`));
  const lair = "lair" as RoomId;
  node.members.enter(lair, "ann");
  await until(async () => (await node.members.counts([lair]))[0]?.subscribers === 2);
  await redis.cli("ZADD", `${prefix}:{nodes}:dead`, "0", "ghost");
  await until(() => changes.length > 0);
  await until(async () => (await node.members.counts([lair]))[0]?.subscribers === 1);
  assert.deepEqual(changes, ["-den"]);
});
