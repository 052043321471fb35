import type { RequestHead } from "../http/exchange.js";
import { Authenticator, loopbackRules, ordinaryRules } from "../identity/index.js";
import { Permissions, type Principal, stranger, unrestricted } from "../service/index.js";
import { ConfiguredKeys, verifierOf } from "./auth-keys.js";
import { type AuthConfig, ConfigError, type ServerConfig } from "./config.js";
import { isLoopbackHost } from "./hosts.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

export interface Auth {
  readonly authenticator: Authenticator;
  /** Read the keys again. @throws ConfigError: they cannot be used, and the old ones stay. */
  reload(auth: AuthConfig | undefined): void;
  close(): void;
}

export interface AuthDeps {
  readonly logger: Logger;
  readonly trustsCookies: (request: RequestHead) => boolean;
  readonly report: (error: unknown) => void;
}

export const defaultCookie = "confab_token";

/**
 * Who may connect, as the configuration says.
 *
 * @throws ConfigError: a key cannot be used, or all callers from other machines could connect, and `allowAnyone` is not set.
 */
export function openAuth(config: Pick<ServerConfig, "auth" | "allowAnyone">, host: string, deps: AuthDeps): Auth {
  const { auth, allowAnyone = false } = config;
  const { logger, report, trustsCookies } = deps;
  const keys = auth && new ConfiguredKeys(auth, logger);
  const verifier = auth && keys && verifierOf(auth, keys);
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
  return {
    authenticator,
    reload: (next) => {
      if ((next === undefined) !== (keys === undefined))
        throw new ConfigError("whether callers need a token (--auth-key, --auth-jwks) changes with a restart only");
      if (!next) return;
      keys?.reload(next);
      logger.info({}, "the keys were read again");
    },
    close: () => keys?.close(),
  };
}

/** Who shows no token where none is needed. */
function anonymousOn(host: string): Principal {
  const permissions = new Permissions(isLoopbackHost(host) ? loopbackRules : ordinaryRules, undefined);
  return { ...unrestricted, may: (action, room) => permissions.allow(action, room) };
}
