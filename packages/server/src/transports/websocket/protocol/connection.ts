import type { ConfabError } from "@confab/contract/errors";
import type { Heartbeat } from "./heartbeat.js";

/** Who owns a connection. All calls come from the event loop, never from inside a call to the connection. */
export interface ConnectionListener {
  /** One whole message. The bytes are the listener's; a text's are valid UTF-8. */
  message(payload: Buffer, isText: boolean): void;
  /** The queue is empty again. Only after a write that returned false. */
  drained(): void;
  /**
   * The last call, exactly once: the peer's close code, or that of the failure, or 1006 when the connection just ended. After
   * `close` it comes when the peer has answered or its time is up.
   */
  closed(code: number, error?: ConfabError): void;
}

/** A connection that holds a part of a message. */
export interface PartialMessage {
  /** There is too much of such parts: the connection ends. */
  refuse(error: ConfabError): void;
}

/** Counts what connections hold of messages whose rest has not come. */
export interface PartialMessages {
  /** `message` holds so many bytes now; 0: nothing any more. It may be given up within the call. */
  holdPartial(message: PartialMessage, bytes: number): void;
}

/** What a connection has to know. */
export interface ConnectionSettings {
  readonly maxMessageBytes: number;
  /** Bytes waiting for one socket beyond which `write` returns false. */
  readonly maxQueuedBytes: number;
  readonly heartbeat: Heartbeat;
  /** Pings, pongs and empty fragments that the peer may send within `budgetWindowMs`; past it the connection ends with 1008. */
  readonly maxControlFrames: number;
  readonly budgetWindowMs: number;
  /** The client's. */
  readonly remoteAddress: string;
  /** Of the connection's share. */
  readonly partialMessages: PartialMessages;
  /** A client spent its budget, and its connection ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
}

/** An open WebSocket on the server's side. Calls after its end do nothing: it may end at any time. */
export interface WebSocketConnection {
  /** Take the events, once, in the turn in which the connection was opened. */
  listen(listener: ConnectionListener): void;
  /**
   * Write ready frames, as `frame-writer.ts` makes them: the only place where bytes go to the socket. They are not copied
   * and may be shared with other connections, so nobody may change them; a `Buffer` spares a conversion.
   *
   * False when more than `maxQueuedBytes` wait (the bytes are queued all the same: stop until `drained`), and after the end.
   */
  write(frameBytes: Uint8Array): boolean;
  sendText(text: string | Uint8Array): boolean;
  sendBinary(payload: Uint8Array): boolean;
  /** Bytes written that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /** Changes whenever the kernel takes some of them. */
  readonly takenBytes: number;
  /** Deliver no further message until `resume`, and stop reading from the socket, so that flow control reaches the peer. */
  pause(): void;
  resume(): void;
  /**
   * Send a close frame and wait a bounded time for the peer's. No message comes any more. Twice is once. `timeoutMs`: that
   * time, for a peer that has to read what waits before the frame; undefined: 5 s.
   */
  close(code: number, reason?: string, timeoutMs?: number): void;
  /** End at once, without a close frame. */
  destroy(): void;
}
