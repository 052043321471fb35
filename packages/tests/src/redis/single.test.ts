import { randomUUID } from "node:crypto";
import { after } from "node:test";
import { limitsWith } from "@confab/contract";
import { engineSuite, type OpenEngine, openRedisEngine } from "@confab/server/testing/redis-engine";
import { RedisServer } from "../fixture/redis-server.js";
import { findPart } from "../optional-parts.js";

const redis = findPart("redis") === undefined ? undefined : await RedisServer.start();
after(() => redis?.stop());

const open: OpenEngine = async ({ limits, clock, ...options }) => {
  const prefix = `test:${randomUUID()}`;
  const openNode = () =>
    openRedisEngine({
      ...options,
      url: redis?.url ?? "",
      prefix,
      answerTimeoutMs: 5_000,
      waitReplicas: 0,
      log: { info: () => undefined, warn: () => undefined },
      limits: limitsWith(limits),
      // The suite moves its clock; Redis's own goes on.
      clockSkewMs: () => clock.nowMs() - Date.now(),
    });
  let engine = await openNode();
  return {
    engine,
    reopen: async () => {
      await engine.close();
      engine = await openNode();
      return engine;
    },
    dispose: () => engine.close(),
  };
};

engineSuite("Redis engine", open, { "has nodes": "presence is this node's own still" });
