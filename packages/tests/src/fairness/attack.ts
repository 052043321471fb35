/**
 * What an attacker's process is told to do: one kind of request, as often as one connection allows, all at once. On two
 * connections, so that there is always one whose work waits.
 */
export interface Attack {
  readonly name: string;
  readonly carrier: Carrier;
  /** How many on each connection. */
  readonly times: number;
  /** Of a request over HTTP: path, verb and fields. On a WebSocket: the path of its handshake. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The bodies of the requests, or the messages of the stream or WebSocket, in turn. None: requests without a body. */
  readonly bodies: readonly Uint8Array[];
  /** A frame that no frame answers. */
  readonly isUnanswered?: boolean;
}

/**
 * - `h2`: requests of one HTTP/2 connection, each answered to its end
 * - `h2-streams`: the same, each cancelled when it has given something
 * - `h2-messages`: messages of one bidi stream, in envelopes
 * - `h1`: requests of one HTTP/1.1 connection, pipelined
 * - `ws-json`, `ws-proto`: frames of one WebSocket; `ws-plain`: its messages in the tutorials' shape
 */
export type Carrier = "h2" | "h2-streams" | "h2-messages" | "h1" | "ws-json" | "ws-proto" | "ws-plain";

export const connections = 2;

export interface AttackOrder extends Attack {
  readonly port: number;
}

export interface AttackResult {
  /** How many answers came of each kind: an HTTP status, or `message`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Bytes of bodies, messages and frames. */
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** What the client that behaves is told. */
export interface ProbeOrder {
  readonly port: number;
  readonly user: string;
  readonly headers: Attack["headers"];
}

/** What a client that behaves has seen: how long each of its messages took to come back, and each request, in milliseconds. */
export interface ProbeResult {
  readonly messagesMs: readonly number[];
  readonly requestsMs: readonly number[];
  /** Messages that were answered by an error. */
  readonly refused: number;
}
