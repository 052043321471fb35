import type { Socket } from "node:net";
import { FrameSplitter } from "../../bench/load/frame-splitter.js";
import { Http2Connection } from "../../bench/load/http2-connection.js";
import {
  clientPreface,
  flags,
  frameTypes,
  http2Frame,
  http2FrameLength,
  initialWindowBytes,
} from "../../bench/load/http2-frames.js";
import { openLoadSocket } from "../../bench/load/load-socket.js";
import { clearBytesOf, handshakeOver } from "./clear-bytes.js";
import { HeaderTable } from "./header-table.js";
import type { ConnectionTarget, HttpConnection, HttpReply, HttpRequest } from "./http-types.js";

/** The most that a DATA frame may carry unless a peer allows more (RFC 9113 §4.2). */
const maxFrameBytes = 16_384;

/** A request's DATA that waits for window. */
interface Pending {
  readonly stream: number;
  rest: Uint8Array;
}

/**
 * A client's half of an HTTP/2 connection: as many requests at once as one likes, with header compression. What it reads
 * it reads with the bench's own reader; `greeting` is what it sends first, if not the preface that opens all windows.
 */
export class Http2Client implements HttpConnection {
  readonly isFree = true;
  headBytesIn = 0;
  headBytesOut = 0;
  readonly #socket: Socket;
  readonly #target: ConnectionTarget;
  readonly #headers = new HeaderTable();
  readonly #replies = new Map<number, HttpReply>();
  #pending: Pending[] = [];
  #windowBytes = initialWindowBytes;
  #nextStream = 1;

  constructor(target: ConnectionTarget, greeting: Buffer = clientPreface()) {
    this.#target = target;
    const fail = (reason: string): void => {
      const replies = [...this.#replies.values()];
      this.#replies.clear();
      this.#socket.destroy();
      if (replies.length === 0) target.lost(reason);
      for (const reply of replies) reply.failed(reason);
    };
    const connection = new Http2Connection({
      settings: () => undefined,
      data: (stream, bytes, start, end) => this.#replies.get(stream)?.body(bytes.subarray(start, end)),
      ended: (stream) => {
        const reply = this.#replies.get(stream);
        this.#replies.delete(stream);
        reply?.ended();
      },
      owed: (bytes) => this.#socket.write(bytes),
      granted: (stream, windowBytes) => {
        // A message here is smaller than the window that every stream begins with, so only the connection's counts.
        if (stream !== 0) return;
        this.#windowBytes += windowBytes;
        this.#flush();
      },
      failed: fail,
    });
    const heads = new FrameSplitter(http2FrameLength, (bytes, start, end) => {
      if (bytes[start + 3] !== frameTypes.headers) return;
      this.headBytesIn += end - start;
      // The field block is not decoded. One that ends the stream at once is the refusal of a gRPC call.
      const isWhole = ((bytes[start + 4] ?? 0) & flags.endStream) !== 0;
      if (!isWhole) this.#replies.get(bytes.readUInt32BE(start + 5))?.head();
    });
    this.#socket = openLoadSocket({
      port: target.port,
      tls: target.ca === undefined ? undefined : { ca: target.ca, protocol: "h2" },
      greeting,
      read: (bytes, length) => {
        heads.push(bytes, length);
        connection.push(bytes, length);
      },
      lost: fail,
    });
  }

  request({ method, path, headers, body }: HttpRequest, reply: HttpReply): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#replies.set(stream, reply);
    const fields = [
      [":method", method],
      [":scheme", this.#target.ca === undefined ? "http" : "https"],
      [":path", path],
      [":authority", "127.0.0.1"],
      ...headers,
    ] as const;
    const flagBits = flags.endHeaders | (body === undefined ? flags.endStream : 0);
    const head = http2Frame(frameTypes.headers, flagBits, stream, this.#headers.encode(fields));
    this.headBytesOut += head.length;
    if (body !== undefined) this.#pending.push({ stream, rest: body });
    this.#flush(head);
  }

  /** How many streams are open: requests whose answers have not ended. */
  get openStreams(): number {
    return this.#replies.size;
  }

  get clearBytes(): number {
    return clearBytesOf(this.#socket);
  }

  opened(): Promise<void> {
    return handshakeOver(this.#socket, this.#target);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** One write for the head and for all DATA that the window allows. */
  #flush(...frames: Buffer[]): void {
    while (this.#pending[0] !== undefined && this.#windowBytes > 0) {
      const first = this.#pending[0];
      const taken = first.rest.subarray(0, Math.min(first.rest.length, maxFrameBytes, this.#windowBytes));
      const isLast = taken.length === first.rest.length;
      this.#windowBytes -= taken.length;
      frames.push(http2Frame(frameTypes.data, isLast ? flags.endStream : 0, first.stream, taken));
      first.rest = first.rest.subarray(taken.length);
      if (isLast) this.#pending = this.#pending.slice(1);
    }
    if (frames.length > 0) this.#socket.write(Buffer.concat(frames));
  }
}
