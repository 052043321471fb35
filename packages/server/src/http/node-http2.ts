import { constants, type Http2Session, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { ReplyRoom, Share, Work } from "../work/index.js";
import { withoutBase } from "./base-path.js";
import type { ClientAddressOf, Exchange, ExchangeListener, Fields, RequestHead } from "./exchange.js";
import type { ReplyStalls, UnreadReply } from "./h1/reply-stalls.js";
import { peerOf } from "./peer.js";

export interface NodeHttp2Context {
  readonly clientAddressOf: ClientAddressOf | undefined;
  /** What targets begin with, and the head does not show. */
  readonly basePath: string;
  readonly work: Work;
  /** Ends streams that do not read their replies. */
  readonly replyStalls: ReplyStalls | undefined;
}

/** Shares of connections that other servers own. */
const shares = new WeakMap<Http2Session, Share>();

/** An exchange over HTTP/2 of a server of `node:http2` that has another owner: its windows, limits and time limits hold. */
export class NodeHttp2Exchange implements Exchange, UnreadReply {
  readonly request: RequestHead;
  readonly share: Share;
  readonly isHeld = false;
  private isDone = false;
  private unwatch: (() => void) | undefined;
  private writtenBytes = 0;
  private trailers: Fields = {};
  private listener: ExchangeListener | undefined;
  private room: ReplyRoom | undefined;

  constructor(
    private readonly stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    private readonly context: NodeHttp2Context,
  ) {
    const { session } = stream;
    this.request = requestHeadFrom(headers, session, context);
    this.share = session ? shareOf(session, context.work) : context.work.share();
    stream.on("close", () => this.closed());
    stream.on("drain", () => {
      if (!this.isDone) this.listener?.drained();
    });
    stream.on("wantTrailers", () => stream.sendTrailers(this.trailers));
    // A broken stream is told by "close".
    stream.on("error", () => undefined);
  }

  listen(listener: ExchangeListener): void {
    this.listener = listener;
    this.stream.on("data", (chunk: Buffer) => listener.data(chunk));
    this.stream.on("end", () => listener.ended());
  }

  get isOver(): boolean {
    return this.isDone || this.stream.destroyed || this.stream.closed;
  }

  get queuedBytes(): number {
    return this.stream.writableLength;
  }

  get takenBytes(): number {
    return this.writtenBytes - this.stream.writableLength;
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  respond(status: number, headers: Fields): void {
    if (this.isOver) return;
    this.stream.respond({ ...headers, ":status": status }, { waitForTrailers: true });
  }

  write(bytes: Uint8Array): boolean {
    if (this.isOver) return true;
    this.writtenBytes += bytes.length;
    return this.stream.write(bytes);
  }

  hold(room: ReplyRoom): void {
    if (this.stream.closed) room.release();
    else this.room = room;
  }

  end(trailers: Fields = {}): void {
    if (this.isOver) return;
    this.isDone = true;
    this.trailers = trailers;
    this.stream.end();
    this.unwatch = this.context.replyStalls?.watch(this);
  }

  giveUp(): void {
    this.stream.close(constants.NGHTTP2_CANCEL);
  }

  reset(): void {
    if (this.isOver) return;
    this.isDone = true;
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  private closed(): void {
    this.room?.release();
    this.unwatch?.();
    if (this.stream.writableFinished && this.isDone) return;
    this.isDone = true;
    this.listener?.aborted();
  }
}

function shareOf(session: Http2Session, work: Work): Share {
  const known = shares.get(session);
  if (known) return known;
  const share = work.share();
  shares.set(session, share);
  session.once("close", () => share.close());
  return share;
}

function requestHeadFrom(
  fields: IncomingHttpHeaders,
  session: Http2Session | undefined,
  { clientAddressOf, basePath }: NodeHttp2Context,
): RequestHead {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined && !name.startsWith(":")) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  const peer = session ? peerOf(session.socket) : { address: "" };
  const { ":method": method, ":path": path, ":authority": authority, ":scheme": scheme } = fields;
  return {
    method: String(method ?? "GET"),
    target: withoutBase(String(path ?? "/"), basePath),
    basePath,
    authority: String(authority ?? headers["host"] ?? ""),
    scheme: scheme === "https" ? "https" : "http",
    headers,
    httpVersion: 2,
    remoteAddress: clientAddressOf?.(headers, peer) ?? peer.address,
    peer,
  };
}
