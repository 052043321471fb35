import type { ConfabError } from "@confab/contract";
import type { ReplyRoom, Share } from "../work/index.js";
import type { Peer } from "./peer.js";

/** Header fields: names in lower case, several values of one name joined by ", " (RFC 9110 §5.3). */
export type Fields = Readonly<Record<string, string>>;

export interface RequestHead {
  readonly method: string;
  /** The request target as it came, path and query, percent-encoding kept: `/v1/rooms?limit=2`. */
  readonly target: string;
  /** On a server that has another owner: the path before `target`, perhaps empty. Undefined on a port of this server. */
  readonly basePath?: string | undefined;
  readonly authority: string;
  readonly scheme: "http" | "https";
  readonly headers: Fields;
  readonly httpVersion: 1 | 2;
  /** The client's IP address: its peer's, or what a trusted proxy says. Empty on a Unix socket. */
  readonly remoteAddress: string;
  readonly peer: Peer;
  /**
   * Why the request must not be served. It is handed over all the same, so that its client is told in the form of the path
   * that it asked for. `headers` may lack some fields.
   */
  readonly refusal?: ConfabError | undefined;
}

/** The address of a request's client. For connections on which a proxy may say it. */
export type ClientAddressOf = (headers: Fields, peer: Peer) => string;

/**
 * Whoever answers an exchange. All calls come on the event loop, never while one of them is still running, and none
 * after `aborted` or after the response has ended and the request has been read.
 */
export interface ExchangeListener {
  /**
   * Some of the request's body. The bytes belong to the listener from now on and are never written to again. `isLast`: it is known
   * that nothing follows them, so `ended` comes next, after a pause if there is one. The end may also come alone.
   */
  data(chunk: Uint8Array, isLast?: boolean): void;
  /** The request's body is complete. */
  ended(): void;
  /** `queuedBytes` fell to a level at which writing makes sense again. Only after a `write` that returned false. */
  drained(): void;
  /** The peer reset the stream or the connection died, before the response had ended. Nothing can be written any more. */
  aborted(): void;
}

/**
 * One HTTP request and its response, over HTTP/1.1 or HTTP/2: all that the transports know of HTTP.
 *
 * The order of calls is `listen` once, synchronously when the exchange is handed over, or later after a `pause`; `respond` once; `write` any number
 * of times; `end` once. The listener is told nothing within `listen`. A call that comes after `end`, `reset` or `aborted` does nothing: a stream may die at any time,
 * and every caller would otherwise have to ask first.
 *
 * What is written within one turn of the event loop leaves together: an implementation may hold bytes back until the
 * turn ends, and no longer.
 */
export interface Exchange {
  readonly request: RequestHead;
  /** The connection's share of the event loop: what is done for this exchange is accounted for there. */
  readonly share: Share;
  /** Nothing can be written any more. For those who let an exchange wait before they listen to it. */
  readonly isOver: boolean;
  listen(listener: ExchangeListener): void;
  /** Stop taking the request's body from the peer, so that flow control reaches it; `resume` goes on. */
  pause(): void;
  /** `isInTurn`: the caller is a step of the share and not the listener, so what is held may be delivered before this returns. */
  resume(isInTurn?: boolean): void;
  /** Send the response head now, not with the first body byte. The fields object may be kept and its encoding cached: do not change it. */
  respond(status: number, headers: Fields): void;
  /**
   * Send some of the body; the bytes may be shared with other exchanges and are not copied, so do not change them.
   * False when `queuedBytes` has passed the high-water mark: `drained` will be called.
   */
  write(bytes: Uint8Array): boolean;
  /** What was written and is still held in this process takes so many bytes: the body's, and over HTTP/2 what its chunks take besides. */
  readonly queuedBytes: number;
  /** Changes whenever the peer takes some of `queuedBytes`; not kept up while none are queued. */
  readonly takenBytes: number;
  /**
   * Resolves when no other response must leave before this one, or none ever will; undefined: that is so already. Only over HTTP/1.1 do
   * responses wait for each other.
   */
  turn?(): Promise<void> | undefined;
  /** The response takes this room: it is released when the last byte has left, or the exchange is over before. */
  hold(room: ReplyRoom): void;
  /** End the response, with trailers if there are any (HTTP/2; over HTTP/1.1 they are sent only with a chunked body). */
  end(trailers?: Fields): void;
  /** Give the exchange up without an orderly end: RST_STREAM(INTERNAL_ERROR or CANCEL), or the connection closed. */
  reset(): void;
}

export type ExchangeHandler = (exchange: Exchange) => void;
