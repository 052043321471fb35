import { ConfigError, type EngineConfig, type ServerConfig } from "../server/config.js";
import type { Logger } from "../server/logger.js";
import { stderrLogger } from "./stderr-logger.js";

/** What `createConfab` takes. Everything has a default. */
export interface ConfabOptions extends Omit<ServerConfig, "engine" | "logger"> {
  /** Where it is said what happens; pino's loggers fit. Default: warnings and errors on standard error. */
  readonly logger?: Logger;
  /** Default: on this machine, in the folder `confab-data` of the working directory. */
  readonly engine?: EngineConfig;
}

/** A flag for each, so that one that is missing here is an error of types. */
const known: Readonly<Record<keyof ConfabOptions, true>> = {
  host: true,
  socketMode: true,
  port: true,
  tls: true,
  auth: true,
  allowAnyone: true,
  rules: true,
  engine: true,
  retention: true,
  rooms: true,
  dedupeWindowMs: true,
  limits: true,
  types: true,
  webRoot: true,
  allowedHosts: true,
  allowedOrigins: true,
  trustedProxies: true,
  proxyProtocol: true,
  hooks: true,
  logger: true,
  auditLog: true,
};

/** @throws ConfigError: there is no option of a name. */
export function serverConfigFrom({ engine, ...options }: ConfabOptions): ServerConfig {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined)
    throw new ConfigError(`there is no option ${JSON.stringify(unknown)}; there are ${Object.keys(known).join(", ")}`);
  return { logger: stderrLogger, ...options, engine: engine ?? { kind: "embedded", dataDir: "confab-data" } };
}
