import { redisErrorCode } from "./redis-error.js";
import type { Session } from "./session.js";

/** What INFO says of a server. Undefined parts: this user may not ask. */
export interface ServerState {
  /** Another one after a restart, a failover or a full synchronisation: what the server holds may be older than it was. */
  readonly identity: string | undefined;
  readonly isReplica: boolean;
  readonly version: string | undefined;
}

export async function serverState(session: Session): Promise<ServerState> {
  const [server, replication] = await Promise.all([info(session, "server"), info(session, "replication")]);
  const runId = field(server, "run_id");
  const replicationId = field(replication, "master_replid");
  return {
    identity: runId === undefined ? undefined : `${runId} ${replicationId}`,
    isReplica: field(replication, "role") === "slave",
    version: field(server, "redis_version"),
  };
}

/** A section of INFO; empty if this user may not ask. */
export async function info(session: Session, section: string): Promise<string> {
  try {
    return String(await session.send(["INFO", section]));
  } catch (thrown) {
    if (redisErrorCode(thrown) === "NOPERM") return "";
    throw thrown;
  }
}

export function field(section: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(section)?.[1];
}
