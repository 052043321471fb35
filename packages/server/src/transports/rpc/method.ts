import type { ConfabError, Position } from "@confab/contract";
import type { Fields } from "../../http/exchange.js";
import type { UnaryCaller, WireFormat } from "../../service/index.js";

/** One call in progress, as a method's handler sees it: messages out, in whatever protocol the client speaks. */
export interface Call {
  readonly format: WireFormat;
  /** Bytes for `write` are base64 (gRPC-Web in text mode). */
  readonly isText: boolean;
  readonly caller: UnaryCaller;
  /** Send the head of a stream, before its first message. A unary call's head goes with its answer. */
  start(metadata?: Fields): void;
  /** Send one message of a stream. False when the client should be given time to read: `CallHandler.drained` will be called. */
  send(message: Uint8Array): boolean;
  /** Like `send`, for bytes that hold whole envelopes and are shared with other calls. */
  write(envelopes: Uint8Array): boolean;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Take no more messages from the client until `resume`. */
  pause(): void;
  resume(): void;
  /** The whole answer of a unary call. */
  reply(message: Uint8Array): void;
  /** End the call, with its status. Without `error` it is OK. May be called twice; the first one counts. */
  finish(error?: ConfabError): void;
}

/** The server's side of one call. Nothing is called after `over`. */
export interface CallHandler {
  /** A whole message from the client, decompressed. */
  message(bytes: Uint8Array): void;
  /** The client will send no more. What it throws is the call's status, as for `message`. */
  halfClosed(): void;
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
      readonly call: (format: WireFormat, request: Uint8Array, caller: UnaryCaller) => Promise<Uint8Array>;
    }
  | { readonly kind: "server-stream" | "bidi"; readonly open: (call: Call) => CallHandler };

/** By path: `/confab.v1.ChatService/SendMessage`. */
export type Methods = ReadonlyMap<string, Method>;
