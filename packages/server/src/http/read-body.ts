import { ConfabError, confabErrorFrom, GatheredBytes } from "@confab/contract";
import { cost, type PartialRequest } from "../work/index.js";
import type { Arrival, ArrivalTimeouts } from "./arrival-timeouts.js";
import type { Exchange, ExchangeListener } from "./exchange.js";
import { gunzip } from "./gunzip.js";

export interface BodyOptions {
  /** Bound of the body, in bytes, before and after decompression. */
  readonly maxBytes: number;
  /** How long the body may take to arrive, with one timer for all the bodies of a transport. */
  readonly timeouts: ArrivalTimeouts;
  /** The request's `content-encoding`, where that is how the protocol names the compression. Absent, "" and "identity": none. */
  readonly contentEncoding?: string | undefined;
}

/** Who wants the body, and then hears of the rest of the exchange: `body` or `failed` once, or `aborted` instead. */
export interface BodyReceiver {
  /** The whole body, in a turn of the connection; the bytes are the receiver's. */
  body(bytes: Uint8Array): void;
  /** It is not to be had: answer with this error. What the peer still sends is dropped. */
  failed(error: ConfabError): void;
  /** See ExchangeListener. Also after the body. */
  drained?(): void;
  /** The peer is gone, before or after the body. */
  aborted?(): void;
}

/**
 * Take a request's whole body into memory, within its bounds. Installs the exchange's listener.
 *
 * A body that is too long is refused by its `content-length`, or else as soon as it exceeds the bound: nothing is held
 * beyond it. A body in one chunk that is known to be the last is handed on as it is, without a copy.
 *
 * Fails with PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, UNSUPPORTED_COMPRESSION, or MALFORMED_MESSAGE for broken gzip.
 */
export function collectBody(exchange: Exchange, options: BodyOptions, receiver: BodyReceiver): void {
  new BodyCollector(exchange, options, receiver).begin();
}

/** For an exchange whose body nobody wants. */
export const ignoredBody: ExchangeListener = { data: ignore, ended: ignore, drained: ignore, aborted: ignore };

function ignore(): void {
  // The answer does not depend on it.
}

class BodyCollector implements ExchangeListener, Arrival, PartialRequest {
  /** All of it in one chunk, as most are. */
  private whole: Uint8Array | undefined;
  private gathered: GatheredBytes | undefined;
  private arrivedBytes = 0;
  /** What has come waits for the rest. */
  private isAwaited = false;
  private state: "arriving" | "arrived" | "over" = "arriving";

  constructor(
    private readonly exchange: Exchange,
    private readonly options: BodyOptions,
    private readonly receiver: BodyReceiver,
  ) {}

  begin(): void {
    const { exchange, options } = this;
    exchange.listen(this);
    const encoding = options.contentEncoding;
    if (encoding !== undefined && !isIdentity(encoding) && !isGzip(encoding)) {
      this.fail(unsupportedCompression(encoding));
      return;
    }
    if (Number(exchange.request.headers["content-length"]) > options.maxBytes) {
      this.fail(tooLarge(options.maxBytes));
      return;
    }
    this.isAwaited = true;
    options.timeouts.await(this);
  }

  data(chunk: Uint8Array, isLast = false): void {
    if (this.state !== "arriving") return;
    this.arrivedBytes += chunk.length;
    if (this.arrivedBytes > this.options.maxBytes) this.fail(tooLarge(this.options.maxBytes));
    else if (isLast && this.gathered === undefined) this.whole = chunk;
    else this.gather(chunk);
  }

  ended(): void {
    if (this.state !== "arriving") return;
    this.state = "arrived";
    const bytes = this.whole ?? this.gathered?.take() ?? noBytes;
    this.release();
    const { share } = this.exchange;
    if (share.isFree) this.handOver(bytes);
    else share.wait(() => this.handOver(bytes));
  }

  /** What was compressed is inflated in its turn: until then it takes only as much memory as the client has sent. */
  private handOver(bytes: Uint8Array): void {
    if (this.state === "over") return;
    const encoding = this.options.contentEncoding;
    if (encoding === undefined || isIdentity(encoding)) this.receiver.body(bytes);
    else this.decompress(bytes);
  }

  drained(): void {
    this.receiver.drained?.();
  }

  aborted(): void {
    this.state = "over";
    this.release();
    this.receiver.aborted?.();
  }

  refuse(error: ConfabError): void {
    this.fail(error);
  }

  private gather(chunk: Uint8Array): void {
    this.gathered ??= new GatheredBytes();
    this.gathered.push(chunk, this.options.maxBytes);
    this.exchange.share.holdPartial(this, this.arrivedBytes);
  }

  /** Nothing is waited for any more. */
  private release(): void {
    this.whole = undefined;
    this.gathered = undefined;
    if (!this.isAwaited) return;
    this.isAwaited = false;
    this.options.timeouts.release(this);
    this.exchange.share.holdPartial(this, 0);
  }

  private decompress(bytes: Uint8Array): void {
    const { maxBytes } = this.options;
    let unpacked: Uint8Array;
    try {
      unpacked = gunzip(bytes, maxBytes, {
        tooLarge: () => tooLarge(maxBytes),
        broken: (cause) => new ConfabError("MALFORMED_MESSAGE", "the body is not valid gzip", { cause }),
      });
    } catch (thrown) {
      this.fail(confabErrorFrom(thrown));
      return;
    }
    this.exchange.share.spend((unpacked.length * cost.inflatedKib) / 1_024);
    this.receiver.body(unpacked);
  }

  private fail(error: ConfabError): void {
    this.state = "over";
    this.release();
    this.receiver.failed(error);
  }
}

function isIdentity(encoding: string): boolean {
  return encoding === "" || encoding === "identity";
}

/** RFC 9110 §8.4.1: names of codings are case-insensitive, and `x-gzip` is gzip. */
function isGzip(encoding: string): boolean {
  return encoding === "gzip" || /^(x-)?gzip$/i.test(encoding);
}

function unsupportedCompression(encoding: string): ConfabError {
  return new ConfabError(
    "UNSUPPORTED_COMPRESSION",
    `content-encoding is "${encoding.slice(0, 100)}"; identity and gzip are understood`,
  );
}

function tooLarge(maxBytes: number): ConfabError {
  return new ConfabError(
    "PAYLOAD_TOO_LARGE",
    `the body is larger than ${maxBytes} bytes, which is what a message within maxMessageBytes may take`,
  );
}

const noBytes = new Uint8Array(0);
