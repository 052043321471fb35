import type { ConfabError } from "@confab/contract";
import type { Encoding, Sink, Subscription } from "../../core/index.js";
import type { Exchange, ExchangeListener } from "../../http/exchange.js";
import type { ReaderStalls, StallingReader } from "../../http/reader-stalls.js";
import type { Share } from "../../work/index.js";
import { heartbeat, idAlone } from "./event.js";
import { errorEvent, refuseStream } from "./refusal.js";

export interface SseStreamDeps {
  readonly encoding: Encoding;
  readonly maxQueuedBytes: number;
  /** How long a client should wait before it comes back, in milliseconds; another time for each. */
  readonly retryMs: () => number;
  readonly readerStalls: ReaderStalls;
  /** The stream is over, for whatever reason. */
  readonly onOver: (stream: SseStream) => void;
  /** Told of every INTERNAL error, with what is underneath; the client is not. */
  readonly report: (error: unknown) => void;
}

/** Entries that a client is at most behind by what it knows, while its socket takes what it is sent. */
const maxUntold = 1_000;

/**
 * One client that listens to one room: the exchange under it and the subscription over it, either of which may end first.
 * It hears the exchange from the first moment, so the client may be gone before there is a subscription.
 */
export class SseStream implements Sink, StallingReader {
  readonly encoding: Encoding;
  readonly share: Share;
  seenTakenBytes = 0;
  stalledSweeps = 0;
  private subscription: Subscription | undefined;
  /** Where entries were first passed over since the client was last given an id; undefined: none were. */
  private passedFrom: number | undefined;
  private state: "opening" | "open" | "over" = "opening";

  constructor(
    private readonly exchange: Exchange,
    private readonly deps: SseStreamDeps,
  ) {
    this.encoding = deps.encoding;
    this.share = exchange.share;
    exchange.listen(this.exchangeListener());
  }

  /** The subscription was made: it delivers from a later turn on. False when nobody is there to listen any more. */
  open(subscription: Subscription): boolean {
    if (this.state === "over") {
      subscription.close();
      return false;
    }
    this.state = "open";
    this.subscription = subscription;
    this.deps.readerStalls.add(this);
    return true;
  }

  /** Answer with an error: the stream has not begun. `mayComeBack`: although an error of this kind is final. */
  refuse(error: ConfabError, mayComeBack = false): void {
    this.over(error);
    const retryMs = Math.max(this.deps.retryMs(), error.facts.retryAfterMs ?? 0);
    refuseStream(this.exchange, error, { retryMs, mayComeBack });
  }

  write(bytes: Uint8Array): boolean {
    this.passedFrom = undefined;
    // `drained` follows only a write that was answered with false, so nothing else may make the reader lag; and that
    // alone need not: the socket may fall behind as far as our own bound.
    return this.exchange.write(bytes) || this.exchange.queuedBytes <= this.deps.maxQueuedBytes;
  }

  /** Every so many entries that are not for it the client is told where it is, so that it comes back there. */
  passed(): void {
    const { offset } = this.subscription?.position ?? { offset: 0 };
    this.passedFrom ??= offset;
    if (offset - this.passedFrom >= maxUntold) this.tellPosition();
  }

  get queuedBytes(): number {
    return this.exchange.queuedBytes;
  }

  get takenBytes(): number {
    return this.exchange.takenBytes;
  }

  beat(): void {
    if (this.tellPosition()) return;
    // Where bytes wait for the peer, three more tell it nothing.
    if (this.exchange.queuedBytes === 0) this.exchange.write(heartbeat);
  }

  /** An id without data, if entries were passed over. False: it says nothing new, or bytes wait for the client. */
  private tellPosition(): boolean {
    if (!this.subscription || this.passedFrom === undefined || this.exchange.queuedBytes > 0) return false;
    this.passedFrom = undefined;
    this.exchange.write(idAlone(this.subscription.position));
    return true;
  }

  ended(error: ConfabError): void {
    if (this.state === "opening") {
      this.refuse(error);
      return;
    }
    this.exchange.write(errorEvent(error));
    this.exchange.end();
    this.over(error);
  }

  endStalled(error: ConfabError): void {
    this.subscription?.close();
    this.ended(error);
  }

  /** Nobody listens any more. */
  abandon(): void {
    this.subscription?.close();
    this.over();
  }

  private over(error?: ConfabError): void {
    this.state = "over";
    if (error?.code === "INTERNAL") this.deps.report(error);
    this.deps.readerStalls.delete(this);
    this.deps.onOver(this);
  }

  private exchangeListener(): ExchangeListener {
    return {
      data() {
        // A GET has no body that matters.
      },
      ended() {
        // The client has said all it had to, and listens on.
      },
      drained: () => this.subscription?.drained(),
      aborted: () => this.abandon(),
    };
  }
}
