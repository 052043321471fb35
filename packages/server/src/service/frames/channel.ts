import type { ConfabError } from "@confab/contract";
import type { FrameEncoding } from "../encodings.js";
import type { Caller } from "../operations/index.js";
import type { WireFormat } from "../wire-format.js";

/** The stream under a frame session: a WebSocket in one of its framed forms, or a Converse call. */
export interface FrameChannel {
  readonly format: WireFormat;
  /** How what goes to many at once is written: ServerFrames behind this channel's prefix. One object for all channels of a kind. */
  readonly encoding: FrameEncoding;
  readonly caller: Caller;
  /** Bytes made by `encoding`. False once more than `maxQueuedBytes` wait; the channel then calls `FrameSession.drained()` later. */
  write(bytes: Uint8Array): boolean;
  /** One encoded ServerFrame, for this channel to put behind its prefix. Returns as `write` does. */
  sendFrame(frame: Uint8Array): boolean;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  /** Take no more frames from the client until `resume`. */
  pause(): void;
  resume(): void;
  /** End the connection after what was sent, with the form this error has on this transport. */
  close(error: ConfabError): void;
}
