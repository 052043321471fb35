import { type LimitName, limits } from "@confab/contract";
import {
  ConfigError,
  FolderLockedError,
  RedisStartError,
  RedisUrlError,
  type RunningServer,
  type ServerConfig,
  StoreError,
  startServer,
  TlsFileError,
} from "@confab/server";
import { type Command, type CommandContext, UsageError } from "../command.js";
import { exitCode } from "../exit-codes.js";
import { durationMs, parseCommandLine, positionals, wholeNumber } from "../parse-args.js";
import { authFrom, authHelp, authOptions } from "../serve/auth.js";
import { banner } from "../serve/banner.js";
import { defaultDataDir, engineFrom, engineOptions } from "../serve/engine.js";
import { engineSettingFrom, hasPassword } from "../serve/engine-url.js";
import { retentionFrom } from "../serve/retention.js";
import { StreamLogger } from "../serve/stream-logger.js";
import { webRoot } from "../serve/web-root.js";
import { TypeFileError } from "../types/type-file-error.js";

const defaultPort = 8080;

export const serve: Command = {
  help: `Usage: confab serve [options]

Runs a server until Ctrl-C or SIGTERM, then says goodbye to its clients and stops.

      --host HOST            address to listen on; default 127.0.0.1, this machine only. Another one
                             needs --auth-key, --auth-jwks or --allow-anyone
      --port N               default ${defaultPort}; 0 is any free port
      --tls-cert FILE        speak TLS, and nothing else, with this certificate in PEM, the chain to
                             its authority behind it, and
      --tls-key FILE         its private key in PEM. kill -HUP reads both again
${authHelp}
      --engine URL           keep messages in a Redis that several nodes share: redis://host:6379,
                             redis+sentinel://host,host/master or redis+cluster://host,host;
                             rediss:// and so on with TLS; default embedded, on this machine. Other
                             users of the machine can read a command line: give a URL with a password
                             by one of the variables below instead
      --redis-prefix NAME    what the names of all keys begin with; default confab. Deployments
                             that share a Redis need one each
      --redis-wait-replicas N  acknowledge a message when N replicas of Redis have it too; default 0
      --data DIR             where messages are kept; default ./${defaultDataDir}. One server at a
                             time, on a disk of this machine; made with mode 0700
      --durability MODE      when a message counts as stored: fsync (default), once it is on disk;
                             os, once the operating system has it
      --retention-messages N keep the newest N of each room; default 1000000; none: no bound
      --retention-age T      keep messages for 90s, 30m, 12h, 7d; default none
      --retention-bytes SIZE keep 500MB, 2GiB of each room; default 1GiB; none: no bound
      --dedupe-window T      recognise a message that is sent again with the same room, user and id
                             for at least 90s, 30m, 12h; default 10m
      --types FILE           payload types: .proto files or descriptor sets; may be repeated
      --allow-host HOST      a host name that requests may be for, besides localhost and the address
                             that the server listens on: chat.example, or *.chat.example for all
                             names below one; may be repeated; * is any. Other hosts get HTTP 421
      --allow-origin ORIGIN  a site whose pages may use the server, besides its own:
                             https://chat.example, https://*.chat.example; may be repeated; null
                             is pages without an origin (files, sandboxes), * is any
      --trust-proxy ADDRESS  a proxy in front of the server, whose X-Forwarded-Host and
                             X-Forwarded-Proto are believed: an address, a range such as
                             10.0.0.0/8, loopback, linklocal or uniquelocal; may be repeated;
                             default none
      --limit NAME=N         change a limit (below); may be repeated
      --json                 logs as lines of JSON
  -h, --help                 this text

Environment, used without --engine:
  CONFAB_ENGINE              as --engine
  CONFAB_ENGINE_FILE         a file that holds it, such as a mounted secret

Limits:
${limitsHelp()}

Exit codes:
  0    stopped as asked
  1    could not start
  2    wrong usage`,

  async run(args, context) {
    const { values, positionals: words } = parseCommandLine(args, serveOptions);
    positionals(words, []);
    const setting = engineSettingFrom(values.engine, context.env);
    const config: ServerConfig & Required<Pick<ServerConfig, "host" | "port">> = {
      host: values.host ?? "127.0.0.1",
      port: wholeNumber("port", values.port ?? String(defaultPort), 0, 65_535),
      ...tlsFrom(values["tls-cert"], values["tls-key"]),
      ...authFrom(values),
      engine: engineFrom(values, setting),
      retention: retentionFrom({
        messages: values["retention-messages"],
        age: values["retention-age"],
        bytes: values["retention-bytes"],
      }),
      ...dedupeWindowFrom(values["dedupe-window"]),
      limits: limitsFrom(values.limit ?? []),
      allowedHosts: values["allow-host"] ?? [],
      allowedOrigins: values["allow-origin"] ?? [],
      trustedProxies: values["trust-proxy"] ?? [],
      logger: new StreamLogger(process.stderr, values.json === true),
      ...(values.types && { types: await typesFrom(values.types) }),
      ...webRoot(),
    };
    if (setting?.key === "--engine" && hasPassword(setting.value)) {
      const advice = "give the URL by CONFAB_ENGINE or CONFAB_ENGINE_FILE";
      config.logger?.warn({}, `other users of this machine can read the password in --engine; ${advice}`);
    }
    const server = await start(config, setting?.key ?? "--engine", context);
    if (!server) return exitCode.refused;
    // Without TLS there is nothing to read again, and a terminal that closes ends its server as it ends all else.
    if (config.tls) process.on("SIGHUP", server.reloadCertificate);
    if (values.json) config.logger?.info({ url: server.url, ...placeOf(config.engine) }, "listening");
    else for (const line of banner(server, { ...config, program: context.program })) await context.out.line(line);
    await aborted(context.signal);
    await server.close();
    process.off("SIGHUP", server.reloadCertificate);
    return exitCode.ok;
  },
};

const serveOptions = {
  host: { type: "string" },
  port: { type: "string" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  ...authOptions,
  ...engineOptions,
  "retention-messages": { type: "string" },
  "retention-age": { type: "string" },
  "retention-bytes": { type: "string" },
  "dedupe-window": { type: "string" },
  types: { type: "string", multiple: true },
  "allow-host": { type: "string", multiple: true },
  "allow-origin": { type: "string", multiple: true },
  "trust-proxy": { type: "string", multiple: true },
  limit: { type: "string", multiple: true },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Start, or say in one line why that cannot be. */
async function start(
  config: ServerConfig & { readonly host: string; readonly port: number },
  engineKey: string,
  { err }: CommandContext,
): Promise<RunningServer | undefined> {
  try {
    return await startServer(config);
  } catch (error) {
    if (error instanceof RedisUrlError) throw new UsageError(`${engineKey}: ${error.message}`, { cause: error });
    if (error instanceof TlsFileError) {
      const option = error.key === "certFile" ? "--tls-cert" : "--tls-key";
      throw new UsageError(`${option} ${error.file}: ${error.reason}`, { cause: error });
    }
    if (error instanceof ConfigError) throw new UsageError(error.message, { cause: error });
    const reason = startFailure(error, engineKey, config);
    if (reason === undefined) throw error;
    await err.line(`confab: ${reason}`);
    return undefined;
  }
}

/** Why a server cannot start, naming the option that would change it; undefined for what is nobody's option. */
function startFailure(
  error: unknown,
  engineKey: string,
  { host, port, engine }: Pick<ServerConfig, "engine"> & { readonly host: string; readonly port: number },
): string | undefined {
  if (error instanceof RedisStartError) return `${engineKey}: Redis at ${error.message}`;
  const dataDir = engine.kind === "embedded" ? engine.dataDir : "";
  if (error instanceof FolderLockedError || error instanceof StoreError) return `--data ${dataDir}: ${error.message}`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return `--port ${port}: in use on ${host} already`;
    case "EACCES":
      return `--port ${port}: this user may not listen there`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `--host ${host}: not an address of this machine`;
    default:
      return undefined;
  }
}

/** Where messages are, for the log; the URL of a Redis may hold a password. */
function placeOf(engine: ServerConfig["engine"]): object {
  return engine.kind === "embedded" ? { dataDir: engine.dataDir } : { engine: "redis" };
}

function tlsFrom(certFile: string | undefined, keyFile: string | undefined): Pick<ServerConfig, "tls"> {
  if (certFile !== undefined && keyFile !== undefined) return { tls: { certFile, keyFile } };
  if (certFile !== undefined)
    throw new UsageError(`--tls-cert ${certFile}: its private key is needed too, by --tls-key`);
  if (keyFile !== undefined) throw new UsageError(`--tls-key ${keyFile}: its certificate is needed too, by --tls-cert`);
  return {};
}

/** Every id of a window takes space. No client sends the same message again after a month. */
const [minDedupeWindowMs, maxDedupeWindowMs] = [1_000, 30 * 86_400_000];

function dedupeWindowFrom(text: string | undefined): Pick<ServerConfig, "dedupeWindowMs"> {
  if (text === undefined) return {};
  const dedupeWindowMs = durationMs("dedupe-window", text);
  if (dedupeWindowMs < minDedupeWindowMs || dedupeWindowMs > maxDedupeWindowMs)
    throw new UsageError(`--dedupe-window must be from 1s to 30d, got "${text}"`);
  return { dedupeWindowMs };
}

function limitsFrom(settings: readonly string[]): Partial<Record<LimitName, number>> {
  const values: Partial<Record<LimitName, number>> = {};
  for (const setting of settings) {
    const [, name = setting, text] = /^([^=]+)=(.*)$/.exec(setting) ?? [];
    if (isLimitName(name) && text === undefined)
      throw new UsageError(`--limit ${name}: its value is missing; use --limit ${name}=N`);
    if (!isLimitName(name) || text === undefined)
      throw new UsageError(
        `--limit ${setting}: must be NAME=N, where NAME is one of ${Object.keys(limits).join(", ")}`,
      );
    values[name] = wholeNumber(`limit ${name}`, text, limits[name].min, limits[name].max, "=");
  }
  return values;
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(limits, name);
}

function limitsHelp(): string {
  return Object.entries(limits)
    .map(([name, { fallback, meaning }]) => `  ${name}=${fallback}\n      ${meaning}`)
    .join("\n");
}

async function typesFrom(files: readonly string[]): Promise<Uint8Array> {
  // The compiler is loaded only where it is needed.
  const { loadTypes } = await import("../types/load-types.js");
  try {
    return loadTypes(files);
  } catch (error) {
    throw error instanceof TypeFileError ? new UsageError(`--types ${error.message}`, { cause: error }) : error;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
