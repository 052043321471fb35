import { defaultDedupeWindowMs, type Limits } from "@confab/contract";
import type { Engine, RoomRetention } from "../core/index.js";
import { openEmbeddedEngine } from "../engines/embedded/index.js";
import { ConfigError, type EngineDeps, type ServerConfig } from "./config.js";
import { silentLogger } from "./logger.js";
import { systemClock } from "./platform.js";

const defaultPrefix = "confab";

/** How long Redis may take to answer before it is taken for gone, in milliseconds. */
const answerTimeoutMs = 5_000;

/** Open the engine that the configuration names. @throws ConfigError, and what the engines throw. */
export async function openEngine(
  { engine, ...config }: ServerConfig,
  limits: Limits,
  retention: RoomRetention,
): Promise<Engine> {
  const shared: EngineDeps = {
    retention,
    dedupeWindowMs: config.dedupeWindowMs ?? defaultDedupeWindowMs,
    limits,
    clock: systemClock,
    log: config.logger ?? silentLogger,
  };
  switch (engine.kind) {
    case "embedded": {
      const { dataDir, durability = "fsync" } = engine;
      return openEmbeddedEngine({ ...shared, folder: dataDir, durability });
    }
    case "redis":
      return (await redisEngine()).openRedisEngine({
        ...shared,
        url: engine.url,
        prefix: checkedPrefix(engine.prefix),
        waitReplicas: engine.waitReplicas ?? 0,
        answerTimeoutMs,
      });
    case "custom":
      return engine.open(shared);
    default:
      // A program in plain JavaScript.
      throw new ConfigError('`engine.kind` must be "embedded", "redis" or "custom"');
  }
}

/** Its client takes longer to load than all the rest of a server that uses none. */
function redisEngine() {
  return import("../engines/redis/index.js");
}

/** Braces would make a hash tag of their own, and put all rooms into one slot of a Cluster. */
function checkedPrefix(prefix = defaultPrefix): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$/.test(prefix)) return prefix;
  throw new ConfigError(
    `the Redis prefix is ${JSON.stringify(prefix)}; it must be 1 to 100 letters, digits, ".", "_", ":" or "-", and begin with a letter or digit`,
  );
}
