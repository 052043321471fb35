import { type LimitName, type Limits, limits as limitTable } from "@confab/contract";
import { ConfigError, checkedLimits, type ServerConfig } from "./config.js";
import type { Logger } from "./logger.js";

/** What of a configuration a running server takes over. */
export type ReloadableConfig = Pick<ServerConfig, "tls" | "auth" | "rules" | "limits">;

export interface ReloadParts {
  /** Read by all that enforces them, whenever it does so. */
  readonly limits: { -readonly [name in LimitName]: number };
  readonly limitsChanged: () => void;
  /** @throws ConfigError */
  readonly readCertificate: (config: ReloadableConfig) => void;
  /** @throws ConfigError */
  readonly readKeys: (config: ReloadableConfig) => void;
  /** @throws ConfigError */
  readonly readRules: (config: ReloadableConfig) => void;
  readonly logger: Logger;
}

/** Take over what can change. A part that cannot be used is logged and stays as it was; the others are taken all the same. */
export function reload(config: ReloadableConfig, parts: ReloadParts): void {
  const { logger, readCertificate, readKeys, readRules } = parts;
  const attempt = (what: string, run: () => void) => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      logger.error({ reason: error.message }, `${what} and cannot be used; the old one stays`);
    }
  };
  attempt("the certificate was read again", () => readCertificate(config));
  attempt("the list of keys was read again", () => readKeys(config));
  attempt("the list of rules was read again", () => readRules(config));
  attempt("the set of limits was read again", () => takeLimits(config, parts));
}

function takeLimits(config: ReloadableConfig, { limits, limitsChanged, logger }: ReloadParts): void {
  const next: Limits = checkedLimits(config.limits ?? {});
  const names = (Object.keys(limitTable) as LimitName[]).filter(
    (name) => isReloadable(name) && limits[name] !== next[name],
  );
  if (names.length === 0) return;
  for (const name of names) limits[name] = next[name];
  limitsChanged();
  logger.info(Object.fromEntries(names.map((name) => [name, next[name]])), "limits have changed");
}

function isReloadable(name: LimitName): boolean {
  return "isReloadable" in limitTable[name];
}
