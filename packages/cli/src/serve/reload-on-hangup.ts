import type { Confab } from "@confab/server";
import { UsageError } from "../command.js";
import { changesForRestart } from "../config/resolve.js";
import type { AuditFile } from "./audit-file.js";
import type { ServeLog } from "./log.js";
import type { ReadSettings } from "./read-settings.js";
import { type ServeConfig, serverConfigFrom } from "./server-config.js";

export interface ReloadDeps extends Pick<ReadSettings, "settings" | "readAgain"> {
  readonly server: Pick<Confab, "reload">;
  readonly logger: ServeLog;
  readonly auditFile: AuditFile | undefined;
}

/**
 * Read the settings again on each SIGHUP, and give the server those that it takes. Settings that cannot be used are logged,
 * and change nothing. Returns what stops it.
 */
export function reloadOnHangup({ settings: first, readAgain, server, logger, auditFile }: ReloadDeps): () => void {
  let settings = first;
  const reload = async () => {
    auditFile?.reopen();
    try {
      const next = await readAgain();
      logger.level = next.get("log-level");
      server.reload(await serverConfigFrom(next));
      const restart = changesForRestart(settings, next);
      if (restart.length > 0) logger.warn({ settings: restart }, "these settings have changed, and need a restart");
      settings = next;
    } catch (error) {
      // A server that runs must not end because of a file.
      const reason = error instanceof UsageError ? error.message : String(error);
      logger.error({ reason }, "the settings were read again and cannot be used; the old ones stay");
    }
  };
  // One after another: of two signals the later one decides.
  let last = Promise.resolve();
  const onHangup = () => {
    last = last.then(reload);
  };
  process.on("SIGHUP", onHangup);
  return () => process.off("SIGHUP", onHangup);
}

/** Whether there is something to read again. A server without ends when its terminal closes, as every program does. */
export function hasReloadable({ tls, auth, rules, auditLog }: ServeConfig, configFile: string | undefined): boolean {
  return [tls, auth, rules, auditLog, configFile].some((each) => each !== undefined);
}
