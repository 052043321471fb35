import { after, test } from "node:test";
import { engineSuite } from "@confab/server/testing/redis-engine";
import { RedisCluster } from "../fixture/redis-cluster.js";
import { findPart, requirePart } from "../optional-parts.js";
import { openingOn, redisSkips } from "./testing/open-node.js";

const cluster = findPart("redis") === undefined ? undefined : await RedisCluster.start();
after(() => cluster?.stop());

if (cluster) {
  engineSuite(
    "Redis engine on a Cluster",
    openingOn(() => cluster.url),
    redisSkips,
  );
} else {
  test("Redis engine on a Cluster", (t) => void requirePart(t, "redis"));
}
