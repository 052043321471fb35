import { limits } from "@confab/contract/limits";
import type { Work } from "../../work/index.js";
import type { ClientAddressOf } from "../exchange.js";
import type { Peer } from "../peer.js";
import type { Budgets } from "./guard.js";
import type { Sweeper } from "./sweeper.js";

/** What serving HTTP/2 on one connection needs to know. Bounds that have a name of their own are in `guard.ts`. */
export interface Http2Options {
  readonly scheme: "http" | "https";
  readonly peer: Peer;
  /** Undefined: the peer's address is the client's. */
  readonly clientAddressOf?: ClientAddressOf | undefined;
  /** A larger request head is handed over to be refused. As SETTINGS_MAX_HEADER_LIST_SIZE counts: 32 more for each field. */
  readonly maxHeaderBytes: number;
  /** Requests under way at once; more are refused with REFUSED_STREAM, which clients retry. */
  readonly maxStreams: number;
  /** How much `Exchange.write` queues before it returns false, in bytes. Undefined: 64 KiB. */
  readonly highWaterMarkBytes?: number;
  /** See `defaultBudgets`; each may be given by itself. */
  readonly budgets?: Partial<Budgets>;
  /** See `defaultTimeouts`; each may be given by itself. */
  readonly timeouts?: Partial<Http2Timeouts>;
  /** Where the connection gets its share of the event loop; undefined: the process's own. */
  readonly work?: Work;
  /** Sweeps the connection; undefined: the process's own. For tests that move time. */
  readonly sweeper?: Sweeper;
  /** Told of exceptions from listeners: bugs. The connection they came on is closed. Undefined: they are dropped. */
  readonly onError?: (error: unknown) => void;
  /** The client spent a budget: why its connection ends, now or when the requests under way have ended. Undefined: dropped. */
  readonly onAbuse?: (remoteAddress: string, reason: string) => void;
}

/** All in milliseconds, counted from the first sweep that sees the condition, so up to one sweep longer. */
export interface Http2Timeouts {
  /** From our SETTINGS to their acknowledgement (RFC 9113 §6.5.3); so a client that connects and is silent goes too. */
  readonly settingsAckTimeoutMs: number;
  /** From HEADERS without END_HEADERS to the end of that header block: nothing else may come in between. */
  readonly headerTimeoutMs: number;
  /** A connection on which nothing moved for this long is asked by PING whether its peer lives. */
  readonly pingIntervalMs: number;
  /** From that PING to giving the peer up, when still nothing came; `replyStallMs` more where bytes wait for it. */
  readonly pingTimeoutMs: number;
  /** A complete response of which the peer takes nothing for this long is given up. */
  readonly replyStallMs: number;
  /** A request that has neither ended nor been answered is reset when nothing came on it for this long, at most twice as
   *  long. A request whose body is not complete this long after
   *  its answer is reset without an error. A stream under way in both directions may be silent for ever. */
  readonly streamStallMs: number;
  /** From a GOAWAY that ends the connection to its destruction: time for the peer to read it. */
  readonly lingerMs: number;
}

export const defaultTimeouts: Http2Timeouts = {
  settingsAckTimeoutMs: 10_000,
  headerTimeoutMs: 10_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 20_000,
  replyStallMs: limits.replyStallMs.fallback,
  streamStallMs: 60_000,
  lingerMs: 1_000,
};

/** The default of `Http2Options.highWaterMarkBytes`: what a socket buffers by default too. */
export const defaultHighWaterMarkBytes = 64 * 1024;
