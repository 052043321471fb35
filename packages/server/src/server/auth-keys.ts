import { readFileSync } from "node:fs";
import {
  fixedKeys,
  joinedKeys,
  KeyError,
  type KeyHint,
  type KeyRing,
  keysFromFile,
  RemoteKeys,
  type TokenRules,
  TokenVerifier,
  type VerificationKey,
} from "../identity/index.js";
import { type AuthConfig, ConfigError } from "./config.js";
import { isLoopbackHost } from "./hosts.js";
import type { Logger } from "./logger.js";
import { systemClock } from "./platform.js";

const defaultClockToleranceMs = 5_000;

/** More would let tokens live on long after their end. */
const maxClockToleranceMs = 600_000;

/** By how much the clocks of issuer and server may differ, in milliseconds. @throws ConfigError */
export function clockToleranceOf(auth: AuthConfig | undefined): number {
  const { clockToleranceMs = defaultClockToleranceMs } = auth ?? {};
  if (!Number.isInteger(clockToleranceMs) || clockToleranceMs < 0 || clockToleranceMs > maxClockToleranceMs) {
    throw new ConfigError(
      `\`clockToleranceMs\` (--auth-clock-tolerance) is ${clockToleranceMs}; it must be from 0 to ${maxClockToleranceMs}`,
    );
  }
  return clockToleranceMs;
}

/** What verifies tokens by `keys`. */
export function verifierOf(
  { issuer, audience }: AuthConfig,
  keys: KeyRing,
  bounds: Pick<TokenRules, "clockToleranceMs" | "maxLifetimeMs" | "reservedPrefix">,
): TokenVerifier {
  return new TokenVerifier(keys, { issuer, audience, ...bounds }, () => systemClock.nowMs());
}

/** The keys that a configuration names. They can be read again. */
export class ConfiguredKeys implements KeyRing {
  private remote: { readonly url: string; readonly keys: RemoteKeys } | undefined;
  private current: KeyRing;
  private reloads = 0;

  /** @throws ConfigError: there is no key, or one cannot be used. */
  constructor(
    auth: AuthConfig,
    private readonly logger: Logger,
  ) {
    this.current = this.ringOf(auth);
  }

  find(hint: KeyHint): ReturnType<KeyRing["find"]> {
    return this.current.find(hint);
  }

  async findMore(hint: KeyHint): Promise<readonly VerificationKey[]> {
    return (await this.current.findMore?.(hint)) ?? [];
  }

  holds(key: VerificationKey): boolean {
    return this.current.holds(key);
  }

  refreshIfOld(): void {
    this.current.refreshIfOld();
  }

  /** Rises with each reload: a key may be gone, and what it has verified has to be verified again. */
  get generation(): number {
    return this.reloads + this.current.generation;
  }

  /** Read the files again, and take another JWKS if it has another URL. @throws ConfigError: the old keys stay. */
  reload(auth: AuthConfig): void {
    const before = this.generation;
    this.current = this.ringOf(auth);
    this.reloads = before + 1;
  }

  close(): void {
    this.current.close();
  }

  private ringOf({ keyFiles = [], jwksUrl }: AuthConfig): KeyRing {
    if (keyFiles.length === 0 && jwksUrl === undefined)
      throw new ConfigError("auth needs `keyFiles` (--auth-key) or `jwksUrl` (--auth-jwks)");
    const files = keyFiles.flatMap((file) => keysIn(file));
    const { remote } = this;
    if (remote?.url !== jwksUrl) {
      this.remote = jwksUrl === undefined ? undefined : { url: jwksUrl, keys: remoteKeysAt(jwksUrl, this.logger) };
      remote?.keys.close();
    }
    return this.remote ? joinedKeys(files, this.remote.keys) : fixedKeys(files);
  }
}

function keysIn(file: string): readonly VerificationKey[] {
  try {
    return keysFromFile(readFileSync(file));
  } catch (error) {
    const isSystems = error instanceof Error && "code" in error && typeof error.code === "string";
    if (!(error instanceof KeyError) && !isSystems) throw error;
    const reason = error instanceof KeyError ? error.message : `cannot be read (${(error as { code?: string }).code})`;
    throw new ConfigError(`\`keyFiles\` (--auth-key) ${file}: ${reason}`, { cause: error });
  }
}

function remoteKeysAt(url: string, logger: Logger): RemoteKeys {
  const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: "", hostname: "" };
  if (protocol !== "https:" && !(protocol === "http:" && isLoopbackHost(hostname))) {
    throw new ConfigError(
      `\`jwksUrl\` (--auth-jwks) must be an https:// URL, or http:// on this machine: who can change the keys can act as any user; got ${JSON.stringify(url)}`,
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
