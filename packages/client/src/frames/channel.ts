import type { ConfabError } from "@confab/contract";

/** Carries whole frames both ways: a WebSocket, or a Converse stream. */
export interface FrameChannel {
  readonly isOpen: boolean;
  send(frame: string | Uint8Array<ArrayBuffer>): void;
  /** End it, and tell `onClosed` of `error` at once: a dead peer may take long to agree. */
  close(error: ConfabError): void;
}

export interface ChannelEvents {
  /** A whole frame: text, or bytes. */
  onMessage(frame: string | Uint8Array): void;
  /** The channel is over, once, also if it never opened. */
  onClosed(error: ConfabError): void;
}

export type OpenChannel = (events: ChannelEvents) => FrameChannel;
