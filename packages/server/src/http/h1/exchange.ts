import type { IncomingMessage, ServerResponse } from "node:http";
import type { ReplyRoom, Share } from "../../work/index.js";
import type { Exchange, ExchangeListener, Fields, RequestHead } from "../exchange.js";
import { takenBytesOf } from "../taken-bytes.js";
import { Pipeline, type PipelinedExchange } from "./pipeline.js";
import type { ReplyStalls, UnreadReply } from "./reply-stalls.js";

/** An exchange over HTTP/1.1, on Node's own parser. */
export class Http1Exchange implements Exchange, PipelinedExchange, UnreadReply {
  /** It was ended or given up here, or its listener knows that its peer is gone. */
  private isDone = false;
  private isClosed = false;
  private listener: ExchangeListener | undefined;
  private room: ReplyRoom | undefined;
  /** What the response has not been given of its body, the first of it partly. */
  private rest: Uint8Array[] | undefined;
  private restBytes = 0;
  /** `end` was called while there was a rest. */
  private ending: { readonly trailers: Fields | undefined } | undefined;
  /** No length was announced: what waits for the client when it ends is what the client was too slow for. */
  private isStream = false;
  private unwatch: (() => void) | undefined;
  private turnCame: (() => void) | undefined;
  private readonly pipeline: Pipeline;

  constructor(
    readonly request: RequestHead,
    private readonly incoming: IncomingMessage,
    private readonly response: ServerResponse,
    readonly share: Share,
    private readonly stalls: ReplyStalls,
  ) {
    this.pipeline = Pipeline.of(incoming.socket);
    // Not only in `listen`, which may come later: an upgrade behind this request must not be handed over before it.
    this.pipeline.begin(this, response.socket === null, stalls);
    response.on("close", () => this.connectionClosed());
    response.on("drain", () => this.responseDrained());
    // A broken connection is told by "close"; without a listener the error would end the process.
    incoming.on("error", ignoreConnectionError);
    response.on("error", ignoreConnectionError);
  }

  listen(listener: ExchangeListener): void {
    const { incoming } = this;
    this.listener = listener;
    const length = Number(incoming.headers["content-length"]);
    let arrivedBytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      arrivedBytes += chunk.length;
      listener.data(chunk, arrivedBytes === length);
    });
    incoming.on("end", () => listener.ended());
  }

  /** The response has closed, finished or not; or its connection has, before the response's turn came. */
  connectionClosed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.turnCame?.();
    this.room?.release();
    this.unwatch?.();
    if (!this.response.writableFinished) {
      this.isDone = true;
      this.listener?.aborted();
    }
    this.pipeline.finish(this);
  }

  get isOver(): boolean {
    return this.isDone || this.response.destroyed || this.incoming.socket.destroyed;
  }

  get queuedBytes(): number {
    return this.response.writableLength + this.restBytes;
  }

  get takenBytes(): number {
    return takenBytesOf(this.incoming.socket);
  }

  get isHeld(): boolean {
    return this.response.socket === null;
  }

  pause(): void {
    this.incoming.pause();
  }

  resume(): void {
    this.incoming.resume();
  }

  respond(status: number, headers: Fields): void {
    if (this.isDone) return;
    this.isStream = !("content-length" in headers);
    this.response.writeHead(status, headers);
    // Node would keep the head back until the first body byte, and a stream's reader must see it now; but what this turn
    // writes behind it should leave with it.
    if (this.request.method !== "HEAD") process.nextTick(flushHead, this.response);
  }

  write(bytes: Uint8Array): boolean {
    if (this.isDone) return true;
    if (this.rest === undefined && bytes.length <= sliceBytes) return this.response.write(bytes);
    this.restBytes += bytes.length;
    if (this.rest === undefined) this.rest = [bytes];
    else this.rest.push(bytes);
    return this.writeRest();
  }

  /**
   * Give the response what its socket takes of the rest, a slice at a time: of what a socket has been given at once nothing
   * shows how far it has come. False: "drain" follows.
   */
  private writeRest(): boolean {
    while (this.rest !== undefined) {
      const [first] = this.rest;
      if (first === undefined) {
        this.rest = undefined;
        break;
      }
      const slice = first.length <= sliceBytes ? first : first.subarray(0, sliceBytes);
      if (slice === first) this.rest.shift();
      else this.rest[0] = first.subarray(sliceBytes);
      this.restBytes -= slice.length;
      if (!this.response.write(slice)) return false;
    }
    return true;
  }

  private responseDrained(): void {
    if (!this.writeRest()) return;
    if (this.ending) this.endResponse(this.ending.trailers);
    else if (!this.isDone) this.listener?.drained();
  }

  turn(): Promise<void> | undefined {
    if (!this.isHeld || this.isClosed) return undefined;
    return new Promise((resolve) => {
      this.turnCame = resolve;
      this.response.once("socket", () => resolve());
    });
  }

  hold(room: ReplyRoom): void {
    if (this.isClosed) room.release();
    else this.room = room;
  }

  end(trailers?: Fields): void {
    if (this.isDone) return;
    this.isDone = true;
    if (this.rest === undefined) this.endResponse(trailers);
    else this.ending = { trailers };
    if (this.isStream || this.queuedBytes > this.response.writableHighWaterMark) this.unwatch = this.stalls.watch(this);
    // Node hands a request over before it has parsed its end, which is usually in the same chunk. The check waits for that.
    if (!this.incoming.complete) process.nextTick(lingerUnlessComplete, this.incoming);
  }

  giveUp(): void {
    this.incoming.socket.destroy();
  }

  reset(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.incoming.socket.destroy();
  }

  private endResponse(trailers: Fields | undefined): void {
    this.ending = undefined;
    if (trailers && this.response.chunkedEncoding) this.response.addTrailers({ ...trailers });
    this.response.end();
  }
}

/** Bytes of a body that the socket is given at a time: as much as a peer must take within `replyStallMs`. */
const sliceBytes = 65_536;

/** What is still read of a request that was answered already, and for how long. */
const maxLingerBytes = 8 * 1_048_576;
const lingerTimeoutMs = 2_000;

/**
 * Read and drop the rest of a request that was answered before its end. To close at once would reset the connection
 * under a client that still sends, and most clients then never look at the answer (RFC 9112 §9.6).
 */
function lingerUnlessComplete(incoming: IncomingMessage): void {
  const { socket } = incoming;
  if (incoming.complete || socket.destroyed) return;
  let leftBytes = maxLingerBytes;
  incoming.on("data", (chunk: Buffer) => {
    leftBytes -= chunk.length;
    if (leftBytes < 0) socket.destroy();
  });
  incoming.resume();
  const giveUp = setTimeout(() => socket.destroy(), lingerTimeoutMs);
  // The connection outlives the request, so the listener must not stay on it.
  const release = () => {
    clearTimeout(giveUp);
    socket.off("close", release);
  };
  incoming.on("close", release);
  socket.on("close", release);
}

function flushHead(response: ServerResponse): void {
  if (!response.writableEnded && !response.destroyed) response.flushHeaders();
}

function ignoreConnectionError(): void {
  // "close" follows and says all there is to do.
}
