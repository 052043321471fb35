import type { Position } from "@confab/contract";
import type { Fields } from "../../http/exchange.js";
import type { UnaryCaller, WireFormat } from "../../service/index.js";
import type { RpcError } from "./rpc-error.js";

/** What a handler sees of the request, and sets of the response, beside the messages. */
export interface CallContext {
  readonly caller: UnaryCaller;
  /** The request's metadata: its HTTP header fields. Values of names that end in `-bin` are base64. */
  readonly metadata: Fields;
  /** The time that the client gave, in milliseconds; undefined: it waits for as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** The query of a Connect GET; undefined for every other call. */
  readonly query: URLSearchParams | undefined;
  /** Metadata before the first message. To be set before anything is sent. */
  responseHeaders: Fields | undefined;
  /** Metadata with the status. To be set before the call ends. */
  responseTrailers: Fields | undefined;
}

/** One call in progress, as a method's handler sees it: messages out, in whatever protocol the client speaks. */
export interface Call extends CallContext {
  readonly format: WireFormat;
  /** Bytes for `write` are base64 (gRPC-Web in text mode). */
  readonly isText: boolean;
  /** Send the head of a stream, before its first message. A unary call's head goes with its answer. */
  start(): void;
  /**
   * Send one message of a stream. False when the client should be given time to read: `CallHandler.drained` will be called.
   * `shared`: the message's further bytes, which other calls send too.
   */
  send(message: Uint8Array, shared?: Uint8Array): boolean;
  /** Like `send`, for bytes that hold whole envelopes and are shared with other calls. */
  write(envelopes: Uint8Array): boolean;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Take no more messages from the client until `resume`. */
  pause(): void;
  resume(): void;
  /** The whole answer of a call with one reply. */
  reply(message: Uint8Array): void;
  /** End the call, with its status. Without `error` it is OK. May be called twice; the first one counts. */
  finish(error?: RpcError): void;
}

/** The server's side of one call. Nothing is called after `over`. What a method throws is the call's status. */
export interface CallHandler {
  /** A whole message from the client, decompressed. The one message of a call that takes one comes when the request has ended. */
  message(bytes: Uint8Array): void;
  /** The client will send no more messages of its stream. */
  halfClosed?(): void;
  /** The client has read what `send` or `write` called too much. */
  drained?(): void;
  /** How far a room has been read, for a client that has to ask again. */
  readonly position?: Position | undefined;
  /** The call has ended: finished, cancelled, or past its deadline. Release what it holds. */
  over?(): void;
}

/** An RPC that this server answers. */
export type Method =
  | {
      readonly kind: "unary";
      readonly hasNoSideEffects: boolean;
      readonly call: (format: WireFormat, request: Uint8Array, context: CallContext) => Promise<Uint8Array>;
    }
  | { readonly kind: "server-stream" | "client-stream" | "bidi"; readonly open: (call: Call) => CallHandler };

/** By path: `/confab.v1.ChatService/SendMessage`. */
export type Methods = ReadonlyMap<string, Method>;
