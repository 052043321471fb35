import { redisErrorCode } from "./redis-error.js";
import { field, info } from "./server-state.js";
import type { Session } from "./session.js";

/** What an operator should know about what this Redis keeps. */
export interface Durability {
  /** What an acknowledged message has gone through. */
  readonly meaning: string;
  /** What may lose messages without a crash; undefined: nothing that is known. */
  readonly warning: string | undefined;
}

/** Ask a server what it persists. A user without the right to CONFIG gets an answer with holes. */
export async function durabilityOf(session: Session, waitReplicas: number): Promise<Durability> {
  const [persistence, memory, settings] = await Promise.all([
    info(session, "persistence"),
    info(session, "memory"),
    configOf(session),
  ]);
  const onDisk = diskMeaning(field(persistence, "aof_enabled"), settings.get("appendfsync"), settings.get("save"));
  const replicas = waitReplicas > 0 ? `, and ${waitReplicas} of its replicas have it in memory` : "";
  return {
    meaning: `an acknowledged message is in Redis's memory${replicas}; ${onDisk}`,
    warning: evictionWarning(field(memory, "maxmemory"), field(memory, "maxmemory_policy")),
  };
}

function diskMeaning(aof: string | undefined, fsync: string | undefined, save: string | undefined): string {
  if (aof === undefined) return "what Redis writes to disk is not known: this user may not ask";
  if (aof === "1") {
    switch (fsync) {
      case "always":
        return "it is on Redis's disk (appendfsync always)";
      case "everysec":
        return "it is on Redis's disk within about a second (appendfsync everysec)";
      case "no":
        return "it is on Redis's disk when the operating system sees fit (appendfsync no)";
      default:
        return "it is in Redis's append-only file; how soon on disk is not known: this user may not ask (CONFIG GET)";
    }
  }
  if (save === undefined) return "Redis has no append-only file; whether it takes snapshots is not known";
  if (save === "") return "Redis writes nothing to disk: its restart loses every message";
  return `Redis writes snapshots only (save ${save}): its restart loses what came after the last one`;
}

function evictionWarning(maxMemory: string | undefined, policy: string | undefined): string | undefined {
  if (policy === undefined || policy === "noeviction") return undefined;
  // Without a bound nothing is evicted, until somebody sets one.
  const when = maxMemory === "0" ? "as soon as maxmemory is set" : "when its memory is full";
  return `Redis removes keys ${when} (maxmemory-policy ${policy}), and messages with them; noeviction is what rooms need`;
}

async function configOf(session: Session): Promise<Map<string, string>> {
  try {
    const reply = await session.send(["CONFIG", "GET", "appendfsync", "save"]);
    return new Map(Object.entries(reply as Record<string, unknown>).map(([name, value]) => [name, String(value)]));
  } catch (thrown) {
    // Managed services keep CONFIG to themselves, and answer that there is no such command.
    if (redisErrorCode(thrown) !== undefined) return new Map();
    throw thrown;
  }
}
