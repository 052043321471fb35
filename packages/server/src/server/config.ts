import { type LimitName, type Limits, limits, limitsWith } from "@confab/contract";
import type { Clock, Engine, Retention, RoomRetention } from "../core/index.js";
import type { Durability } from "../engines/embedded/index.js";
import type { CertificateUserPlace } from "../identity/index.js";
import type { Hooks } from "../service/index.js";
import { ConfigError } from "./config-error.js";
import type { Logger } from "./logger.js";
import type { RoomRule } from "./room-rules.js";

export { ConfigError } from "./config-error.js";

/** Where messages are kept: on this machine, in a Redis that several nodes share, or by your own engine. */
export type EngineConfig =
  | {
      readonly kind: "embedded";
      readonly dataDir: string;
      /** Default `fsync`. */
      readonly durability?: Durability;
    }
  | {
      readonly kind: "redis";
      /** `redis://`, `redis+sentinel://` or `redis+cluster://`, and `rediss` for TLS. */
      readonly url: string;
      /** What the names of all keys begin with: deployments that share a Redis differ in it. Default `confab`. */
      readonly prefix?: string;
      /** Replicas that must have a message before it is acknowledged. Default 0. */
      readonly waitReplicas?: number;
    }
  | {
      /** Your own engine, which is green on the engine suite: see `@confab/server/engine`. */
      readonly kind: "custom";
      readonly open: (deps: EngineDeps) => Promise<Engine>;
    };

/** What an engine is given by its server. */
export interface EngineDeps {
  readonly retention: RoomRetention;
  /** How long a repeated send is recognised at the least, in milliseconds. */
  readonly dedupeWindowMs: number;
  /** Some of them change while the server runs. */
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Files in PEM that are read at the start, and again when the server is told to. */
export interface TlsConfig {
  /** The server's own certificate first, then the chain to its authority, as clients want to see it. */
  readonly certFile: string;
  /** Its private key, without a passphrase. */
  readonly keyFile: string;
  /**
   * Authorities of clients. With them clients are asked for a certificate: one that these vouch for names its user, and any
   * other ends the connection. Default: none, and clients are not asked.
   */
  readonly clientCaFiles?: readonly string[];
  /** Where a client's certificate names its user, first place first. Default: `defaultCertificateUserPlaces`. */
  readonly clientUser?: readonly CertificateUserPlace[];
}

/** How callers show who they are. With it a token is needed, unless `allowAnyone` is set. */
export interface AuthConfig {
  /** Files with keys that verify tokens: see `keysFromFile`. */
  readonly keyFiles?: readonly string[];
  /** The URL of a JWKS: https, or http on this machine. */
  readonly jwksUrl?: string;
  /** The `iss` of tokens. Default: any. */
  readonly issuer?: string;
  /** What the `aud` of tokens must name one of. Default: any. */
  readonly audience?: readonly string[];
  /** By how much the clocks of issuer and server may differ, in milliseconds. Default 5,000. */
  readonly clockToleranceMs?: number;
  /** The cookie that a token is taken from; empty: none. Default `confab_token`. */
  readonly cookie?: string;
  /** Take `?access_token=` too. URLs stand in logs. Default false. */
  readonly isInUrlTaken?: boolean;
}

/** What a server is started with. Everything but the engine has a default. */
export interface ServerConfig {
  /**
   * Default 127.0.0.1. `unix:/path` is a Unix socket, which counts as loopback. Another address than loopback's, and a trusted proxy,
   * need `auth`, `tls.clientCaFiles`, `hooks.connect` or `allowAnyone`.
   */
  readonly host?: string;
  /** The permissions of the Unix socket's file. Default 0600: only the server's own user may connect. */
  readonly socketMode?: number;
  /** 0: any free port. Default 8080. */
  readonly port?: number;
  /** Undefined: clear text. With it the port speaks TLS and nothing else. */
  readonly tls?: TlsConfig;
  /** Default: nobody is asked for a token. */
  readonly auth?: AuthConfig;
  /** Admit callers without a token: on any address, and beside those who have one. Default: only on loopback, without `auth`. */
  readonly allowAnyone?: boolean;
  /** What callers may do, beside what their tokens say: see docs/access.md. Checked at the start. Default: the server's. */
  readonly rules?: unknown;
  readonly engine: EngineConfig;
  /** Default: a million messages and 1 GiB a room, of any age. */
  readonly retention?: Retention;
  /** What holds in rooms by their names. The first rule that matches a room counts, and what it leaves out is as for all rooms. */
  readonly rooms?: readonly RoomRule[];
  /** How long a repeated send is recognised at the least, in milliseconds. Default ten minutes. */
  readonly dedupeWindowMs?: number;
  readonly limits?: Partial<Limits>;
  /** Payload types: an encoded `google.protobuf.FileDescriptorSet`. */
  readonly types?: Uint8Array;
  /** A folder with the browser app's `index.html`. Default: no app. */
  readonly webRoot?: string;
  /** Hosts that requests may name, besides loopback's and `host`: names, `*.suffix`, or `*` for any. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may use the server, besides its own: `https://chat.example`, `https://*.chat.example`, `null`, `*`. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Proxies whose X-Forwarded-Host, X-Forwarded-Proto and X-Forwarded-For are believed: addresses, ranges such as 10.0.0.0/8,
   * `loopback`, `linklocal`, `uniquelocal`, or `unix` for those that connect to a Unix socket. Default: none, since clients
   * can send these headers too.
   */
  readonly trustedProxies?: readonly string[];
  /**
   * Connections of trusted proxies begin with a header of the PROXY protocol, version 1 or 2, that says the client's address.
   * Those of others do not, whatever they send. Default false.
   */
  readonly proxyProtocol?: boolean;
  /** The team's own code that looks at what happens, and may refuse or change it: see docs/hooks.md. Default: none. */
  readonly hooks?: Hooks;
  readonly logger?: Logger;
  /** Where it is written who was refused what, and who administers the server. Default: `logger`. */
  readonly auditLog?: Pick<Logger, "info">;
}

export const defaultRetention: Retention = { maxMessages: 1_000_000, maxBytes: 1_073_741_824 };

/** @throws ConfigError: a limit is unknown or out of its range. */
export function checkedLimits(overrides: Partial<Limits>): Limits {
  const unknown = Object.keys(overrides).find((name) => !(name in limits));
  if (unknown !== undefined)
    throw new ConfigError(`there is no limit called ${unknown}; there are ${Object.keys(limits).join(", ")}`);
  const checked = limitsWith(overrides);
  for (const [name, { min, max }] of Object.entries(limits)) {
    const value = checked[name as LimitName];
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new ConfigError(`${name} is ${value}; it must be a whole number from ${min} to ${max}`);
    }
  }
  return checked;
}
