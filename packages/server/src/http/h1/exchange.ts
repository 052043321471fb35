import type { IncomingMessage, ServerResponse } from "node:http";
import type { Share } from "../../work/index.js";
import type { Exchange, ExchangeListener, Fields, RequestHead } from "../exchange.js";
import { Pipeline, type PipelinedExchange } from "./pipeline.js";

/** An exchange over HTTP/1.1, on Node's own parser. */
export class Http1Exchange implements Exchange, PipelinedExchange {
  /** It was ended or given up here, or its listener knows that its peer is gone. */
  private isDone = false;
  private isClosed = false;
  private listener: ExchangeListener | undefined;
  private readonly pipeline: Pipeline;

  constructor(
    readonly request: RequestHead,
    private readonly incoming: IncomingMessage,
    private readonly response: ServerResponse,
    readonly share: Share,
  ) {
    this.pipeline = Pipeline.of(incoming.socket);
    // Not only in `listen`, which may come later: an upgrade behind this request must not be handed over before it.
    this.pipeline.begin(this, response.socket === null);
    response.on("close", () => this.connectionClosed());
    // A broken connection is told by "close"; without a listener the error would end the process.
    incoming.on("error", ignoreConnectionError);
    response.on("error", ignoreConnectionError);
  }

  listen(listener: ExchangeListener): void {
    const { incoming, response } = this;
    this.listener = listener;
    incoming.on("data", (chunk: Buffer) => listener.data(chunk));
    incoming.on("end", () => listener.ended());
    response.on("drain", () => listener.drained());
  }

  /** The response has closed, finished or not; or its connection has, before the response's turn came. */
  connectionClosed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
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
    return this.response.writableLength;
  }

  pause(): void {
    this.incoming.pause();
  }

  resume(): void {
    this.incoming.resume();
  }

  respond(status: number, headers: Fields): void {
    if (this.isDone) return;
    this.response.writeHead(status, headers);
    // Node would keep the head back until the first body byte, and a stream's reader must see it now; but what this turn
    // writes behind it should leave with it.
    if (this.request.method !== "HEAD") process.nextTick(flushHead, this.response);
  }

  write(bytes: Uint8Array): boolean {
    return this.isDone || this.response.write(bytes);
  }

  end(trailers?: Fields): void {
    if (this.isDone) return;
    this.isDone = true;
    if (trailers && this.response.chunkedEncoding) this.response.addTrailers({ ...trailers });
    this.response.end();
    // Node hands a request over before it has parsed its end, which is usually in the same chunk. The check waits for that.
    if (!this.incoming.complete) process.nextTick(lingerUnlessComplete, this.incoming);
  }

  reset(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.incoming.socket.destroy();
  }
}

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
