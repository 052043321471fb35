import type { EngineConfig } from "@confab/server";
import { UsageError } from "../command.js";
import { wholeNumber } from "../parse-args.js";
import type { EngineSetting } from "./engine-url.js";

export const defaultDataDir = "confab-data";

/** The options that say where messages are kept. */
export const engineOptions = {
  engine: { type: "string" },
  data: { type: "string" },
  durability: { type: "string" },
  "redis-prefix": { type: "string" },
  "redis-wait-replicas": { type: "string" },
} as const;

type EngineValues = { readonly [name in keyof typeof engineOptions]?: string | undefined };

const ofEmbedded = ["data", "durability"] as const;
const ofRedis = ["redis-prefix", "redis-wait-replicas"] as const;

/** The engine that was chosen. @throws UsageError: an option is of the other engine, or has a wrong value. */
export function engineFrom(values: EngineValues, setting: EngineSetting | undefined): EngineConfig {
  const { value: url = "embedded", key = "--engine" } = setting ?? {};
  const isEmbedded = url === "embedded";
  for (const name of isEmbedded ? ofRedis : ofEmbedded) {
    if (values[name] === undefined) continue;
    throw new UsageError(
      isEmbedded
        ? `--${name} requires the URL of a Redis, by --engine, CONFAB_ENGINE or CONFAB_ENGINE_FILE`
        : `--${name} requires the embedded engine, and ${key} names a Redis`,
    );
  }
  if (isEmbedded) {
    const durability = durabilityFrom(values.durability ?? "fsync");
    return { kind: "embedded", dataDir: values.data ?? defaultDataDir, durability };
  }
  const prefix = values["redis-prefix"];
  const waitReplicas = wholeNumber("redis-wait-replicas", values["redis-wait-replicas"] ?? "0", 0, 100);
  return { kind: "redis", url, waitReplicas, ...(prefix !== undefined && { prefix }) };
}

function durabilityFrom(text: string): "fsync" | "os" {
  if (text === "fsync" || text === "os") return text;
  throw new UsageError(`--durability ${text}: must be fsync or os`);
}
