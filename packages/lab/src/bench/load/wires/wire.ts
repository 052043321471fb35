/** What a reader tells about one connection. */
export interface WireEvents {
  /** The server took the connection: from here on messages may come. */
  opened(): void;
  /**
   * `count` messages are complete with the payload at `bytes[start, end)`. Payload comes in order; a piece may complete
   * no message. The bytes are valid during the call only.
   */
  payload(count: number, bytes: Buffer, start: number, end: number): void;
  /** Bytes that the protocol owes the server: a pong, an acknowledgement of settings. */
  owed(bytes: Buffer): void;
  /** The server lets the publisher send this many more bytes (flow control; see `Publication.windowBytes`). */
  granted(windowBytes: number): void;
  /** The server refused, or broke the protocol. */
  failed(reason: string): void;
}

/** Takes the first `length` bytes of a buffer that is reused after the call. */
export type WireReader = (bytes: Buffer, length: number) => void;

/** The bytes that publish one message. */
export interface Publication {
  readonly bytes: Buffer;
  /** How much of the window that the server granted they use. */
  readonly windowBytes: number;
}

/**
 * How a load program speaks to one kind of server, with as little work as it can: a full client library would need more
 * processor time to read a message than the server under test needs to send it.
 */
export interface Wire {
  /** What a subscriber sends first. */
  readonly subscriberGreeting: Buffer;
  /** What the publisher sends first. */
  readonly publisherGreeting: Buffer;
  createReader(events: WireEvents): WireReader;
  createPublisherReader(events: WireEvents): WireReader;
  /** The window a publisher begins with; `Infinity` where the protocol has no flow control of its own. */
  readonly publisherWindowBytes: number;
  /** Publish one message with this text, the `index`-th of this publisher, from 0. */
  publication(text: string, index: number): Publication;
}

/** Which message a reader had last when it went away. */
export interface Place {
  /** Its number, as its mark has it; -1: it had none. */
  readonly sequence: number;
  /** What the server called it, where that does not follow from its number. */
  readonly token: string | undefined;
}

/** Before the first message. */
export const beginning: Place = { sequence: -1, token: undefined };

/** How a reader speaks that has a connection first and asks for messages later. */
export interface ResumeWire {
  /** What it sends first. */
  readonly greeting: Buffer;
  /** What must be known before anybody can ask. To be called when the server has a message. */
  prepare?(port: number, readers: number): Promise<void>;
  /** What reader number `reader` asks on its open connection: everything after a place, and then what is new. */
  subscribe(after: Place, reader: number): Buffer;
  /** The token of the message whose payload this is; for wires whose payloads are one message each. */
  tokenOf?(payload: Buffer): string | undefined;
  /** `opened`: the connection can be asked. */
  createReader(events: WireEvents): WireReader;
}

export const wireNames = [
  "floor-ws",
  "floor-grpc",
  "ws-peer",
  "ws-plain",
  "ws-json",
  "ws-proto",
  "grpc-peer",
  "grpc-confab",
  "socket-io",
  "mqtt",
  "nats",
  "nats-stream",
  "nchan",
  "centrifugo",
] as const;
export type WireName = (typeof wireNames)[number];

/** Those whose server keeps messages for readers that come back. */
export const resumeWireNames = [
  "floor-grpc",
  "ws-proto",
  "grpc-confab",
  "socket-io",
  "nats-stream",
  "nchan",
] as const satisfies readonly WireName[];
export type ResumeWireName = (typeof resumeWireNames)[number];
