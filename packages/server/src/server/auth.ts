import { ConfabError, type Limits } from "@confab/contract";
import type { RevocationLog } from "../core/index.js";
import type { RequestHead } from "../http/exchange.js";
import {
  Authenticator,
  ConnectHook,
  connectAnswerIn,
  defaultCertificateUserPlaces,
  type HookIdentity,
  loopbackRules,
  noStaticRules,
  ordinaryRules,
  RevokedTokens,
  RuleBook,
  type StaticRules,
  staticRulesFrom,
  TokenLifetimes,
  TokenPrincipal,
} from "../identity/index.js";
import {
  type Principal,
  RuleError,
  type ServiceHooks,
  stranger,
  strangerWithoutCertificate,
} from "../service/index.js";
import { ConfiguredKeys, clockToleranceOf, verifierOf } from "./auth-keys.js";
import type { ClientAuthorities } from "./client-authorities.js";
import { type AuthConfig, ConfigError, type ServerConfig } from "./config.js";
import { isLocalOnly } from "./hosts.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

export interface Auth {
  readonly authenticator: Authenticator;
  /** Whether callers show who they are, by a token or a certificate. */
  readonly isVerified: boolean;
  /** Who makes a request, by what it shows and by the `connect` hook. Never rejects. */
  readonly principalOf: (request: RequestHead) => Principal | Promise<Principal>;
  /** Who a connection is after a token in a frame; `request` is by which it came. Never rejects. */
  readonly principalBy: (token: string, request: RequestHead | undefined) => Principal | Promise<Principal>;
  /** `principalBy` needs the request: there is a `connect` hook. */
  readonly asksAgain: boolean;
  /** Whether what a caller may do can change while it is connected. */
  readonly canChange: boolean;
  /** How long from now an accepted token can be used at the most, in milliseconds. */
  readonly longestTokenUseMs: () => number;
  /** Follow what is revoked, from before the first caller is let in. `changed` is called after each change. */
  follow(revocations: RevocationLog, changed: () => void): Promise<void>;
  /** Read the keys again. @throws ConfigError: they cannot be used, and the old ones stay. */
  reloadKeys(auth: AuthConfig | undefined): void;
  /** Take these rules from now on. @throws ConfigError: they cannot be used, and the old ones stay. */
  setRules(rules: unknown): void;
  /** Accept this token as the operator's. Without effect where tokens are verified. */
  setAdminToken(token: string): void;
  close(): void;
}

/** A node that has not known for so long what the others revoked judges no token, in milliseconds. */
const maxStaleMs = 5_000;

/** Names of callers without a token begin with it, where other callers have one. */
const unverifiedPrefix = "~";

export interface AuthDeps {
  readonly logger: Logger;
  /** Read when a token is verified. */
  readonly limits: Pick<Limits, "maxTokenLifetimeMs">;
  /** Where the server listens. */
  readonly host: string;
  /** Only callers of this machine can connect: the server listens on loopback and trusts no proxy. */
  readonly isLocal: boolean;
  readonly trustsCookies: (request: RequestHead) => boolean;
  /** Undefined: clients are not asked for certificates. */
  readonly clientAuthorities?: ClientAuthorities | undefined;
  readonly hooks?: Pick<ServiceHooks, "connect"> | undefined;
}

const defaultCookie = "confab_token";

/** What to do about a server that would admit callers of other machines without asking who they are. */
function admitsAnyone(host: string): string {
  const who = isLocalOnly(host)
    ? "`trustedProxies` (--trust-proxy) lets callers of other machines in"
    : `\`host\` (--host) is ${host}`;
  return `${who}, and callers are asked for no token: give a key (--auth-key or --auth-jwks) or an authority of client certificates (--tls-client-ca), ask a service who they are (--hook connect=URL), or admit all callers (--allow-anyone)`;
}

/**
 * Who may connect, as the configuration says.
 *
 * @throws ConfigError: a key or rule cannot be used, or all callers from other machines could connect, and `allowAnyone` is
 * not set.
 */
export function openAuth(config: Pick<ServerConfig, "auth" | "allowAnyone" | "rules" | "tls">, deps: AuthDeps): Auth {
  const { auth, allowAnyone = false } = config;
  const { host, isLocal, logger, trustsCookies, clientAuthorities, limits } = deps;
  const hook = deps.hooks?.connect((answer) => connectAnswerIn(answer, allowAnyone ? unverifiedPrefix : undefined));
  // A hook that names users is like a key. On this machine alone, callers that it does not know go on as without it.
  const isVerified = auth !== undefined || clientAuthorities !== undefined || (hook !== undefined && !isLocal);
  const hasUsers = isVerified || hook !== undefined;
  const namePrefix = hasUsers && allowAnyone ? unverifiedPrefix : undefined;
  const clockToleranceMs = clockToleranceOf(auth);
  const lifetimes = new TokenLifetimes(() => limits.maxTokenLifetimeMs, clockToleranceMs);
  const maxLifetimeMs = () => lifetimes.maxMs();
  const keys = auth && new ConfiguredKeys(auth, logger);
  const verifier =
    auth && keys && verifierOf(auth, keys, { clockToleranceMs, maxLifetimeMs, reservedPrefix: namePrefix });
  if (!isVerified && !allowAnyone && !isLocal) throw new ConfigError(admitsAnyone(host));
  // Callers of this machine may do more only where no user is verified: without a token they would be above those who have one.
  const rules = new RuleBook(checkedRules(config.rules), isLocal && !hasUsers ? loopbackRules : ordinaryRules);
  const revoked = new RevokedTokens(clockToleranceMs);
  let staleMs = () => 0;
  let adminToken: string | undefined;
  const unknownCaller = clientAuthorities ? strangerWithoutCertificate : stranger;
  const authenticator = new Authenticator({
    verifier,
    rules,
    adminToken: () => adminToken,
    revocationOf: (token) => revoked.refusal(token),
    trouble: () => (staleMs() > maxStaleMs ? revocationsUnknown() : undefined),
    places: {
      cookie: (auth?.cookie ?? defaultCookie) || undefined,
      isInUrlTaken: auth?.isInUrlTaken ?? false,
    },
    certificates: {
      reservedPrefix: namePrefix,
      places: config.tls?.clientUser ?? defaultCertificateUserPlaces,
      maxLifetimeMs,
      authoritiesVersion: () => clientAuthorities?.version ?? 0,
    },
    trustsCookies,
    anonymous: isVerified && !allowAnyone ? unknownCaller : rules.anonymous(namePrefix),
    nowMs: () => systemClock.nowMs(),
  });
  const shownBy = (request: RequestHead) => authenticator.principalOf(request);
  const principalNamed = ({ user, rules: own, expiresAtMs }: HookIdentity) => {
    // `revoked` allows for a clock that is ahead, and this one is our own.
    const issuedAtMs = systemClock.nowMs() + clockToleranceMs;
    const named = { user, rules: own, expiresAtMs, issuedAtMs, key: undefined, id: undefined };
    return new TokenPrincipal(named, rules, (token) => revoked.refusal(token));
  };
  const nowMs = () => systemClock.nowMs();
  const principalBy = (token: string) => authenticator.principalBy(token);
  const connectHook = hook && new ConnectHook({ hook, shownBy, principalBy, principalNamed, trustsCookies, nowMs });
  return {
    authenticator,
    isVerified,
    principalOf: connectHook ? (request) => connectHook.principalOf(request) : shownBy,
    principalBy: (token, request) =>
      connectHook && request ? connectHook.principalBy(token, request) : principalBy(token),
    asksAgain: connectHook !== undefined,
    canChange: hasUsers || config.rules !== undefined,
    longestTokenUseMs: () => lifetimes.longestUseMs(),
    follow: async (revocations, changed) => {
      if (!hasUsers) return;
      await revocations.watch((change) => {
        revoked.follow(change);
        if (change.added.length > 0) changed();
      });
      revoked.follow({ added: revocations.all(), removed: [] });
      staleMs = () => revocations.staleMs();
    },
    reloadKeys: (next) => {
      if ((next === undefined) !== (keys === undefined))
        throw new ConfigError("whether callers need a token (--auth-key, --auth-jwks) changes with a restart only");
      if (!next) return;
      keys?.reload(next);
      logger.info({}, "the keys were read again");
    },
    setRules: (next) => {
      if ((next === undefined) !== (config.rules === undefined))
        throw new ConfigError("whether there are rules (--rules) changes with a restart only");
      if (next === undefined) return;
      rules.replace(checkedRules(next));
      logger.info({}, "the rules were read again");
    },
    setAdminToken: (token) => {
      adminToken = token;
    },
    close: () => keys?.close(),
  };
}

function checkedRules(value: unknown): StaticRules {
  try {
    return value === undefined ? noStaticRules : staticRulesFrom(value);
  } catch (error) {
    throw error instanceof RuleError
      ? new ConfigError(`\`rules\` (--rules): ${error.message}`, { cause: error })
      : error;
  }
}

function revocationsUnknown(): ConfabError {
  const text = "what other nodes revoked cannot be read now";
  return new ConfabError("ENGINE_UNAVAILABLE", text, { retryAfterMs: 1_000 });
}
