import {
  type Confab,
  ConfigError,
  createConfab,
  FolderLockedError,
  type OwnPort,
  RedisStartError,
  RedisUrlError,
  StoreError,
  TlsFileError,
} from "@confab/server";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { checkGuarded, mistypedVariables } from "../config/environment.js";
import { limitsHelp, optionLines, settingsHelp } from "../config/help.js";
import type { Settings } from "../config/resolve.js";
import { isSettingName } from "../config/settings.js";
import { exitCode } from "../exit-codes.js";
import { AuditFile } from "../serve/audit-file.js";
import { banner } from "../serve/banner.js";
import { hasPassword } from "../serve/engine.js";
import { openLog } from "../serve/log.js";
import { readSettings } from "../serve/read-settings.js";
import { hasReloadable, reloadOnHangup } from "../serve/reload-on-hangup.js";
import { type ServeConfig, serverConfigFrom } from "../serve/server-config.js";

export const serve: Command = {
  help: `Usage: confab serve [options]

Runs a server until Ctrl-C or SIGTERM, then says goodbye to its clients and stops.

${settingsHelp()}
${optionLines("--limit NAME=N", "change a limit (below); may be repeated")}
${optionLines("--json", "logs as lines of JSON: --log-format json")}
${optionLines("--config FILE", "a file of YAML or JSON with settings; default $CONFAB_CONFIG")}
${optionLines("--print-config", "print all settings and where each comes from, and end; with --json as JSON")}
  -h, --help                 this text

Each option can also be given by a variable of the environment (--auth-key: CONFAB_AUTH_KEY; lists with
commas; --limit maxRooms=N: CONFAB_LIMIT_MAX_ROOMS), and by a key of the file (auth-key; limits: below
limits). The command line is stronger than the environment, and that stronger than the file. --no-x takes
back what a variable or the file has switched on by x. docs/configuration.md has all of it.

SIGHUP reads the file, certificates and keys again. Limits can change by it too.

Limits:
${limitsHelp()}

Exit codes:
  0    stopped as asked
  1    could not start
  2    wrong usage`,

  async run(args, context) {
    const read = await readSettings(args, context);
    const { settings, printsConfig, configFile } = read;
    checkGuarded(context.env);
    const isJson = settings.get("log-format") === "json";
    const own = await serverConfigFrom(settings);
    if (printsConfig) {
      const { configJson, configText } = await import("../config/print-config.js");
      await context.out.line(isJson ? configJson(settings) : configText(settings));
      return exitCode.ok;
    }
    const logger = openLog(process.stderr, { level: settings.get("log-level"), format: settings.get("log-format") });
    const auditPath = settings.get("audit-log");
    const auditFile =
      auditPath === undefined ? undefined : new AuditFile(auditPath, settings.labelOf("audit-log"), logger);
    const config = { ...own, logger, ...(auditFile && { auditLog: auditFile.log }) };
    for (const { name, meant } of mistypedVariables(context.env))
      logger.warn({}, `${name} is not a setting, and has no effect; did you mean ${meant}?`);
    if (settings.labelOf("engine") === "--engine" && hasPassword(settings.get("engine"))) {
      const advice = "give the URL by CONFAB_ENGINE or CONFAB_ENGINE_FILE";
      logger.warn({}, `other users of this machine can read the password in --engine; ${advice}`);
    }
    const started = await start(config, settings, context);
    if (!started) return exitCode.refused;
    const { server, url } = started;
    const { certificate, adminTokenFile } = server;
    const stopReloads = hasReloadable(config, configFile)
      ? reloadOnHangup({ ...read, server, logger, auditFile })
      : undefined;
    if (isJson) logger.info({ url, ...placeOf(config.engine) }, "listening");
    else
      for (const line of banner({ url, certificate, adminTokenFile }, { ...config, program: context.program }))
        await context.out.line(line);
    await aborted(context.signal);
    await server.close();
    stopReloads?.();
    auditFile?.close();
    return exitCode.ok;
  },
};

/** The settings that name the files of TLS. */
const tlsSettings = {
  certFile: "tls-cert",
  keyFile: "tls-key",
  clientCaFiles: "tls-client-ca",
  clientUser: "tls-client-user",
} as const;

interface Started extends OwnPort {
  readonly server: Confab;
}

async function listening(server: Confab): Promise<Started> {
  try {
    return { ...(await server.listen()), server };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Start, or say in one line why that cannot be. */
async function start(config: ServeConfig, settings: Settings, { err }: CommandContext): Promise<Started | undefined> {
  try {
    return await listening(await createConfab(config));
  } catch (error) {
    if (error instanceof RedisUrlError)
      throw new UsageError(`${settings.labelOf("engine")}: ${error.message}`, { cause: error });
    if (error instanceof TlsFileError) {
      const label = settings.labelOf(tlsSettings[error.key]);
      throw new UsageError(`${label} ${error.file}: ${error.reason}`, { cause: error });
    }
    if (error instanceof ConfigError) throw new UsageError(inOwnWords(error.message, settings), { cause: error });
    const reason = startFailure(error, settings);
    if (reason === undefined) throw error;
    await err.line(`confab: ${reason}`);
    return undefined;
  }
}

/**
 * Errors of the server name a setting by its configuration's key, in backticks, and its option: "`host` (--host)". Here it is
 * named as it was given: `CONFAB_HOST`, or the line of the file.
 */
function inOwnWords(message: string, settings: Settings): string {
  return message.replace(/`[\w.]+` \((--([a-z-]+))\)/g, (_, option: string, name: string) =>
    isSettingName(name) ? settings.labelOf(name) : option,
  );
}

/** Why a server cannot start, naming the setting that would change it; undefined for what no setting changes. */
function startFailure(error: unknown, settings: Settings): string | undefined {
  if (error instanceof RedisStartError) return `${settings.labelOf("engine")}: Redis at ${error.message}`;
  if (error instanceof FolderLockedError || error instanceof StoreError)
    return `${settings.labelOf("data")} ${settings.get("data")}: ${error.message}`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const port = `${settings.labelOf("port")} ${settings.get("port")}`;
  const host = settings.get("host");
  if (host.startsWith("unix:")) return socketFailure(code, `${settings.labelOf("host")} ${host}`);
  switch (code) {
    case "EADDRINUSE":
      return `${port}: in use on ${host} already`;
    case "EACCES":
      return `${port}: this user may not listen there`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${settings.labelOf("host")} ${host}: not an address of this machine`;
    default:
      return undefined;
  }
}

function socketFailure(code: unknown, host: string): string | undefined {
  switch (code) {
    case "EADDRINUSE":
      return `${host}: another server listens there already`;
    case "EACCES":
      return `${host}: there is no such folder, or this user may not write to it`;
    default:
      return undefined;
  }
}

/** Where messages are, for the log; the URL of a Redis may hold a password. */
function placeOf(engine: ServeConfig["engine"]): object {
  return engine.kind === "embedded" ? { dataDir: engine.dataDir } : { engine: "redis" };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
