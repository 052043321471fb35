import type { Exchange, ExchangeListener, Fields, RequestHead } from "../http/exchange.js";
import { ignoredBody } from "../http/read-body.js";
import { type ReplyRoom, type Share, Work } from "../work/index.js";

/** An exchange without a network, for tests: the test plays the peer through `listener`, and sees what was answered. */
export class FakeExchange implements Exchange {
  readonly request: RequestHead;
  /** Of a separate scheduler: what other exchanges cost does not make this one wait, and no turn takes long. */
  readonly share: Share;
  listener: ExchangeListener = ignoredBody;
  status: number | undefined;
  headers: Fields = {};
  trailers: Fields | undefined;
  readonly written: Uint8Array[] = [];
  /** Set by the test: what `write` and `queuedBytes` say. */
  queuedBytes = 0;
  takenBytes = 0;
  isBelowHighWaterMark = true;
  isEnded = false;
  /** What the response takes, until the test releases it. */
  room: ReplyRoom | undefined;
  /** Resolves with `end`: what the pool of threads does (gzip) takes as long as it takes. */
  readonly ended: Promise<void>;
  isReset = false;
  isPaused = false;

  private tellEnded: () => void = () => undefined;

  constructor(request: Partial<RequestHead> = {}, share = new Work({ nowMs: () => 0 }).share()) {
    this.share = share;
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    this.request = {
      method: "POST",
      target: "/",
      authority: "test",
      scheme: "http",
      headers: {},
      httpVersion: 1,
      remoteAddress: "127.0.0.1",
      peer: { address: "127.0.0.1" },
      ...request,
    };
  }

  get isOver(): boolean {
    return this.isEnded || this.isReset;
  }

  get text(): string {
    return Buffer.concat(this.written).toString();
  }

  listen(listener: ExchangeListener): void {
    this.listener = listener;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  respond(status: number, headers: Fields): void {
    this.status = status;
    this.headers = headers;
  }

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return this.isBelowHighWaterMark;
  }

  hold(room: ReplyRoom): void {
    this.room = room;
  }

  end(trailers?: Fields): void {
    this.trailers = trailers;
    this.isEnded = true;
    this.tellEnded();
  }

  reset(): void {
    this.isReset = true;
  }
}
