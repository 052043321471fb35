import type { Limits } from "@confab/contract";
import type { Engine } from "../../core/index.js";
import { GroupWriter, type Retention } from "./group-writer.js";
import { Keys } from "./keys.js";
import { NodeMembers } from "./node-members.js";
import { RedisBus } from "./redis-bus.js";
import { RedisLog } from "./redis-log.js";
import { RoomAppends } from "./room-appends.js";
import { RoomIndex } from "./room-index.js";
import { SingleLink } from "./single-link.js";
import { checkRedis, startErrorFrom } from "./start-check.js";
import { redisTargetFrom } from "./url.js";

export interface RedisEngineConfig {
  readonly url: string;
  /** What the names of all keys begin with: deployments that share a Redis differ in it. */
  readonly prefix: string;
  readonly retention: Retention;
  /** How long a repeated send is recognised at the least, in milliseconds. */
  readonly dedupeWindowMs: number;
  /** For a connection, and then for each answer, in milliseconds. A Redis that needs longer is taken for gone. */
  readonly answerTimeoutMs: number;
  readonly limits: Pick<Limits, "maxRooms" | "maxPendingSends" | "maxPendingSendBytes" | "maxPresenceEventMembers">;
  /** What to add to Redis's clock, in milliseconds: 0 but in tests. */
  readonly clockSkewMs?: () => number;
}

/**
 * The engine of many nodes: Redis Streams for the logs, sharded Pub/Sub for fan-out.
 *
 * @throws RedisUrlError, RedisStartError: it cannot be used; the message says why.
 */
export async function openRedisEngine(config: RedisEngineConfig): Promise<Engine> {
  const { url, prefix, retention, dedupeWindowMs, answerTimeoutMs, limits, clockSkewMs = () => 0 } = config;
  const target = redisTargetFrom(url);
  const keys = new Keys(prefix);
  const { username, password, database, isTls } = target;
  const link = new SingleLink({
    options: { username, password, database, isTls, answerTimeoutMs },
    locate: async () => target.addresses[0] ?? { host: "", port: 0 },
    events: {
      heard: (channel, message) => bus.heard(channel, message),
      interrupted: () => undefined,
    },
    prepare: async (session) => {
      index.forget();
      await checkRedis(session, keys);
    },
    random: Math.random,
  });
  const bus = new RedisBus(link, keys);
  const index = new RoomIndex(link, keys, limits.maxRooms);
  const writer = new GroupWriter({ link, keys, index, retention, dedupeWindowMs, clockSkewMs });
  const appends = new RoomAppends({
    ...limits,
    write: (room, group) => writer.write(room, group),
    written: (room, { epoch, topBefore }, bodies) => bus.appended(room, epoch, topBefore + 1, bodies),
  });
  const log = new RedisLog(link, keys, appends, index);
  try {
    await link.open();
  } catch (thrown) {
    throw startErrorFrom(thrown, target);
  }

  let closing: Promise<void> | undefined;
  return {
    log,
    bus,
    members: new NodeMembers(limits.maxPresenceEventMembers, (change, members) => bus.presence(change, members)),
    trouble: () => link.trouble(),
    close: () => {
      closing ??= appends.close().then(() => link.close());
      return closing;
    },
  };
}
