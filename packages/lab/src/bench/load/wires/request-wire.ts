import type { WireEvents, WireReader } from "./wire.js";

/** What a reader of answers tells about one connection. */
export interface RequestEvents extends Pick<WireEvents, "opened" | "owed" | "failed"> {
  /** The request with that number, from 0 on each connection, is answered. */
  answered(request: number): void;
}

/** How a load program asks one kind of server to take a message, and hears that it has. */
export interface RequestWire {
  /** What a connection sends first. */
  readonly greeting: Buffer;
  /** The bytes of a connection's request with that number, to take a message with that text; without one, the same each time. */
  request(request: number, text?: string): Buffer;
  /** `opened`: the connection can be asked. */
  createReader(events: RequestEvents): WireReader;
}

export type RequestWireName = "floor" | "socket-io" | "nats-stream" | "ws-proto" | "ws-peer" | "centrifugo";
