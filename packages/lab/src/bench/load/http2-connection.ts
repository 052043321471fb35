import { FrameSplitter } from "./frame-splitter.js";
import {
  flags,
  frameHeaderBytes,
  frameTypes,
  http2Frame,
  http2FrameLength,
  maxWindowBytes,
  windowUpdate,
} from "./http2-frames.js";

/** What a connection tells of its streams. Bytes are valid during the call only. */
export interface Http2Events {
  /** The server's settings arrived: it speaks HTTP/2. */
  settings(): void;
  data(stream: number, bytes: Buffer, start: number, end: number): void;
  /** The server ended a stream, with trailers or by resetting it. */
  ended(stream: number): void;
  owed(bytes: Buffer): void;
  /** The client may send this many more bytes of DATA on a stream; 0 is the whole connection. */
  granted(stream: number, windowBytes: number): void;
  /** The connection is over (GOAWAY), or the server broke the protocol. */
  failed(reason: string): void;
}

/** Renew the connection's window once this much of it is used. A run ends long before, but then none of them stalls. */
const windowRenewalBytes = maxWindowBytes / 2;

/**
 * The client's half of an HTTP/2 connection, reading side: answers SETTINGS and PING, hands out DATA and the ends of
 * streams. Header blocks are not decoded, so a caller tells success from failure by whether DATA came: a gRPC error
 * has none. What is sent is made by `http2-frames.ts`.
 */
export class Http2Connection {
  readonly #events: Http2Events;
  readonly #splitter: FrameSplitter;
  #unacknowledgedBytes = 0;

  constructor(events: Http2Events) {
    this.#events = events;
    this.#splitter = new FrameSplitter(http2FrameLength, (bytes, start, end) => this.#onFrame(bytes, start, end));
  }

  push(bytes: Buffer, length: number): void {
    this.#splitter.push(bytes, length);
  }

  #onFrame(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start + 3];
    const flagBits = bytes[start + 4] ?? 0;
    const stream = bytes.readUInt32BE(start + 5) & 0x7fff_ffff;
    const payload = start + frameHeaderBytes;
    switch (type) {
      case frameTypes.data:
        this.#onData(stream, flagBits, bytes, payload, end);
        break;
      case frameTypes.headers:
        if (flagBits & flags.endStream) this.#events.ended(stream);
        break;
      case frameTypes.resetStream:
        this.#events.ended(stream);
        break;
      case frameTypes.settings:
        if (flagBits & flags.ack) break;
        this.#events.owed(http2Frame(frameTypes.settings, flags.ack, 0, new Uint8Array(0)));
        this.#events.settings();
        break;
      case frameTypes.ping:
        if (!(flagBits & flags.ack))
          this.#events.owed(http2Frame(frameTypes.ping, flags.ack, 0, bytes.subarray(payload, end)));
        break;
      case frameTypes.windowUpdate:
        this.#events.granted(stream, bytes.readUInt32BE(payload) & maxWindowBytes);
        break;
      case frameTypes.goAway:
        this.#events.failed(`GOAWAY with code ${bytes.readUInt32BE(payload + 4)}`);
        break;
    }
  }

  #onData(stream: number, flagBits: number, bytes: Buffer, payload: number, end: number): void {
    if (flagBits & flags.padded) return this.#events.failed("padded DATA, which this client does not read");
    this.#events.data(stream, bytes, payload, end);
    this.#unacknowledgedBytes += end - payload;
    if (this.#unacknowledgedBytes > windowRenewalBytes) {
      this.#events.owed(
        Buffer.concat([windowUpdate(0, this.#unacknowledgedBytes), windowUpdate(stream, this.#unacknowledgedBytes)]),
      );
      this.#unacknowledgedBytes = 0;
    }
    if (flagBits & flags.endStream) this.#events.ended(stream);
  }
}
