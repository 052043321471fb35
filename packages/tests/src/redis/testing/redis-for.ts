import type { TestContext } from "node:test";
import { RedisServer, type RedisServerOptions } from "../../fixture/redis-server.js";
import { requirePart } from "../../optional-parts.js";
import { TestNode } from "./node.js";
import { aPrefix } from "./open-node.js";

/** A Redis for one test; undefined: this machine has none, and the test is skipped. */
export async function redisFor(t: TestContext, options: RedisServerOptions = {}): Promise<RedisServer | undefined> {
  if (requirePart(t, "redis") === undefined) return undefined;
  const redis = await RedisServer.start(options);
  t.after(() => redis.stop());
  return redis;
}

/** Two nodes that share the rooms of a Redis, for one test. */
export async function twoNodes(
  t: TestContext,
  config: { readonly url: string } & Partial<Parameters<typeof TestNode.open>[0]>,
): Promise<[TestNode, TestNode]> {
  const prefix = aPrefix();
  const open = async () => {
    const node = await TestNode.open({ prefix, ...config, url: config.url });
    t.after(() => node.close());
    return node;
  };
  return [await open(), await open()];
}
