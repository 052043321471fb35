import type { ConfabOptions, EngineConfig } from "@confab/server";
import { UsageError } from "../command.js";
import type { Settings } from "../config/resolve.js";

const ofEmbedded = ["data", "durability"] as const;
const ofRedis = ["redis-prefix", "redis-wait-replicas"] as const;

/** The engines that a command line can name. */
export type NamedEngine = Exclude<EngineConfig, { readonly kind: "custom" }>;

/** Where messages are kept. @throws UsageError: a setting is of the other engine. */
export function engineFrom(settings: Settings): NamedEngine {
  const url = settings.get("engine");
  const isEmbedded = url === "embedded";
  for (const name of isEmbedded ? ofRedis : ofEmbedded) {
    if (!settings.isGiven(name)) continue;
    const label = settings.labelOf(name);
    throw new UsageError(
      isEmbedded
        ? `${label} requires the URL of a Redis, by --engine, CONFAB_ENGINE or CONFAB_ENGINE_FILE`
        : `${label} requires the embedded engine, and ${settings.labelOf("engine")} names a Redis`,
    );
  }
  if (isEmbedded) return { kind: "embedded", dataDir: settings.get("data"), durability: settings.get("durability") };
  return {
    kind: "redis",
    url,
    prefix: settings.get("redis-prefix"),
    waitReplicas: settings.get("redis-wait-replicas"),
  };
}

/** How much is kept of each room. */
export function retentionFrom(settings: Settings): NonNullable<ConfabOptions["retention"]> {
  const maxMessages = settings.get("retention-messages");
  const maxAgeMs = settings.get("retention-age");
  const maxBytes = settings.get("retention-bytes");
  return {
    ...(maxMessages !== "none" && { maxMessages }),
    ...(maxAgeMs !== "none" && { maxAgeMs }),
    ...(maxBytes !== "none" && { maxBytes }),
  };
}

/** Whether a URL holds a password: of Redis, or of its Sentinels. */
export function hasPassword(url: string): boolean {
  return /^[^:]*:\/\/[^@]*:[^@]+@|[?&]sentinel-password=/.test(url);
}
