import { after, test } from "node:test";
import { engineSuite } from "@confab/server/testing/redis-engine";
import { RedisServer } from "../fixture/redis-server.js";
import { findPart, requirePart } from "../optional-parts.js";
import { openingOn, redisSkips } from "./testing/open-node.js";

const redis = findPart("redis") === undefined ? undefined : await RedisServer.start();
after(() => redis?.stop());

if (redis) {
  engineSuite(
    "Redis engine",
    openingOn(() => redis.url),
    redisSkips,
  );
} else {
  test("Redis engine", (t) => void requirePart(t, "redis"));
}
