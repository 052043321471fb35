import { randomUUID } from "node:crypto";
import { limitsWith } from "@confab/contract";
import {
  type EngineSkips,
  type OpenEngine,
  openRedisEngine,
  type RedisEngineConfig,
  type Retention,
  type RoomRetention,
  sameForAll,
  systemClock,
} from "@confab/server/testing/redis-engine";

export const aPrefix = (): string => `test:${randomUUID()}`;

/** A node's engine, with what tests seldom ask for filled in. */
export type NodeConfig = Pick<RedisEngineConfig, "url"> &
  Partial<Omit<RedisEngineConfig, "retention">> & { readonly retention?: Retention | RoomRetention };

export function openNode({ retention = {}, ...config }: NodeConfig): ReturnType<typeof openRedisEngine> {
  return openRedisEngine({
    prefix: aPrefix(),
    retention: "of" in retention ? retention : sameForAll(retention),
    dedupeWindowMs: 60_000,
    answerTimeoutMs: 5_000,
    waitReplicas: 0,
    clock: systemClock,
    log: { info: () => undefined, warn: () => undefined },
    limits: limitsWith(),
    ...config,
  });
}

/** What the Redis engine is without. */
export const redisSkips: EngineSkips = {
  "keeps ids while a clock is ahead": "Redis expires keys by its own clock, whatever the nodes know of the time",
};

/** For the behaviour suite: each test has a prefix of its own on the Redis of `url`. */
export function openingOn(url: () => string): OpenEngine {
  return async ({ limits, clock, ...options }) => {
    const prefix = aPrefix();
    const open = (changes = {}) =>
      openNode({
        ...options,
        ...changes,
        clock,
        url: url(),
        prefix,
        limits: limitsWith(limits),
        // The suite moves its clock; Redis's own goes on.
        clockSkewMs: () => clock.nowMs() - Date.now(),
      });
    const nodes = [await open()];
    const [engine] = nodes;
    if (!engine) throw new Error("there is a node");
    return {
      engine,
      reopen: async (changes) => {
        await nodes.pop()?.close();
        const reopened = await open(changes);
        nodes.push(reopened);
        return reopened;
      },
      anotherNode: async () => {
        const another = await open();
        nodes.unshift(another);
        return another;
      },
      dispose: async () => {
        for (const node of nodes) await node.close();
      },
    };
  };
}
