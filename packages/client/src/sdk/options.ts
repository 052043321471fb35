import type { TransportName } from "../link.js";
import type { PayloadConverter } from "../payload.js";
import type { BackoffBounds } from "./backoff.js";
import type { Clock } from "./clock.js";
import type { AskToken } from "./token-source.js";

/** How a client comes back after it lost its server. */
export interface ReconnectOptions extends BackoffBounds {
  /** Give up and close after this many failed attempts in a row; never if undefined, 0: no attempt is repeated. */
  readonly maxAttempts?: number | undefined;
  /** A connection that held this long makes the waits begin anew. 5,000 if undefined. */
  readonly stableAfterMs?: number | undefined;
}

export interface ConnectOptions {
  /** `http://` or `https://`, host and port; a path is kept as a prefix. */
  readonly url: string;
  /** `auto` if undefined: a framed WebSocket, or what else gets through. */
  readonly transport?: TransportName | "auto" | undefined;
  /** Asked before each attempt to connect, and before a token expires. */
  readonly token?: AskToken | undefined;
  /** How long `token` may take, before that counts as a failure and it is asked again. 10,000 if undefined. */
  readonly tokenTimeoutMs?: number | undefined;
  /** Who sends, and who is listed as reading, where a call does not say. */
  readonly user?: string | undefined;
  readonly reconnect?: ReconnectOptions | undefined;
  /** Closes the client. */
  readonly signal?: AbortSignal | undefined;
  /** Converts payloads of your own types between their encoded form and JSON; they stay as they come if undefined. */
  readonly types?: PayloadConverter | undefined;
  /** Sends that may wait for their acknowledgement. 1,000 if undefined. */
  readonly maxQueuedSends?: number | undefined;
  /** Bytes of their texts and payloads. 8,388,608 if undefined. */
  readonly maxQueuedBytes?: number | undefined;
  /** How long one attempt of anything may take before its connection is given up. 15,000 if undefined. */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * How long the server recognises a repeated send (`confab serve --dedupe-window`). A send that may have been stored is not
   * repeated for longer. 600,000 if undefined; over WebSocket frames the server says it, and the shorter time counts.
   */
  readonly dedupeWindowMs?: number | undefined;
  /** Silence after which a reader checks its position, on transports without a heartbeat. 30,000 if undefined. */
  readonly idleCheckMs?: number | undefined;
  /** In 0..1, 1 excluded; for the jitter. `Math.random` if undefined. */
  readonly random?: (() => number) | undefined;
  readonly clock?: Clock | undefined;
}
