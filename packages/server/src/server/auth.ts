import { readFileSync } from "node:fs";
import type { RequestHead } from "../http/exchange.js";
import {
  Authenticator,
  fixedKeys,
  joinedKeys,
  KeyError,
  keysFromFile,
  loopbackRules,
  ordinaryRules,
  RemoteKeys,
  TokenVerifier,
  type VerificationKey,
} from "../identity/index.js";
import { Permissions, type Principal, stranger, unrestricted } from "../service/index.js";
import { type AuthConfig, ConfigError, type ServerConfig } from "./config.js";
import { isLoopbackHost } from "./hosts.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

export interface Auth {
  readonly authenticator: Authenticator;
  close(): void;
}

export interface AuthDeps {
  readonly logger: Logger;
  readonly trustsCookies: (request: RequestHead) => boolean;
  readonly report: (error: unknown) => void;
}

export const defaultCookie = "confab_token";

const defaultClockToleranceMs = 5_000;

/** More would let tokens live on long after their end. */
const maxClockToleranceMs = 600_000;

/**
 * Who may connect, as the configuration says.
 *
 * @throws ConfigError: a key cannot be used, or all callers from other machines could connect, and `allowAnyone` is not set.
 */
export function openAuth(config: Pick<ServerConfig, "auth" | "allowAnyone">, host: string, deps: AuthDeps): Auth {
  const { auth, allowAnyone = false } = config;
  const { logger, report, trustsCookies } = deps;
  const verifier = auth && verifierOf(auth, logger);
  if (!verifier && !allowAnyone && !isLoopbackHost(host)) {
    throw new ConfigError(
      `host (--host) is ${host}, and callers are asked for no token: give a key (--auth-key or --auth-jwks), or admit all callers that can reach that address (--allow-anyone)`,
    );
  }
  const authenticator = new Authenticator({
    verifier,
    places: {
      cookie: (auth?.cookie ?? defaultCookie) || undefined,
      isInUrlTaken: auth?.isInUrlTaken ?? false,
    },
    trustsCookies,
    anonymous: verifier && !allowAnyone ? stranger : anonymousOn(host),
    defaultRules: ordinaryRules,
    nowMs: () => systemClock.nowMs(),
    report,
  });
  return { authenticator, close: () => verifier?.keys.close() };
}

/** Who shows no token where none is needed. */
function anonymousOn(host: string): Principal {
  const permissions = new Permissions(isLoopbackHost(host) ? loopbackRules : ordinaryRules, undefined);
  return { ...unrestricted, may: (action, room) => permissions.allow(action, room) };
}

function verifierOf(auth: AuthConfig, logger: Logger): TokenVerifier {
  const { keyFiles = [], jwksUrl, issuer, audience, clockToleranceMs = defaultClockToleranceMs } = auth;
  if (keyFiles.length === 0 && jwksUrl === undefined)
    throw new ConfigError("auth needs keyFiles (--auth-key) or jwksUrl (--auth-jwks)");
  if (!Number.isInteger(clockToleranceMs) || clockToleranceMs < 0 || clockToleranceMs > maxClockToleranceMs) {
    throw new ConfigError(
      `clockToleranceMs (--auth-clock-tolerance) is ${clockToleranceMs}; it must be from 0 to ${maxClockToleranceMs}`,
    );
  }
  const files = keyFiles.flatMap((file) => keysIn(file));
  const keys = jwksUrl === undefined ? fixedKeys(files) : joinedKeys(files, remoteKeysAt(jwksUrl, logger));
  return new TokenVerifier(keys, { issuer, audience, clockToleranceMs }, () => systemClock.nowMs());
}

function keysIn(file: string): readonly VerificationKey[] {
  try {
    return keysFromFile(readFileSync(file));
  } catch (error) {
    const isSystems = error instanceof Error && "code" in error && typeof error.code === "string";
    if (!(error instanceof KeyError) && !isSystems) throw error;
    const reason = error instanceof KeyError ? error.message : `cannot be read (${(error as { code?: string }).code})`;
    throw new ConfigError(`keyFiles (--auth-key) ${file}: ${reason}`, { cause: error });
  }
}

function remoteKeysAt(url: string, logger: Logger): RemoteKeys {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: "", hostname: "" };
  if (protocol !== "https:" && !(protocol === "http:" && isLoopbackHost(hostname))) {
    throw new ConfigError(
      `jwksUrl (--auth-jwks) must be an https:// URL, or http:// on this machine: who can change the keys can act as any user; got ${JSON.stringify(url)}`,
    );
  }
  return new RemoteKeys({
    url,
    nowMs: () => systemClock.monotonicMs(),
    onTrouble: (reason) => {
      if (reason === undefined) logger.info({ url }, "the keys of the JWKS can be fetched again");
      else
        logger.warn(
          { url, reason },
          "the keys of the JWKS cannot be fetched; those that were fetched before stay in use",
        );
    },
  });
}
