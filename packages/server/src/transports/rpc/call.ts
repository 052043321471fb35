import {
  ConfabError,
  confabErrorFrom,
  EnvelopeReader,
  envelopeBytes,
  enveloped,
  envelopeFlag,
  formatPosition,
  keptBytes,
  writeEnvelope,
} from "@confab/contract";
import type { Arrival, ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import type { Exchange, ExchangeListener, Fields } from "../../http/exchange.js";
import type { ReaderStalls, StallingReader } from "../../http/reader-stalls.js";
import { envelopeFraming, framed, type UnaryCaller, type WireFormat } from "../../service/index.js";
import { cost, goOn, inTurn, type PacedInput, type PartialRequest, type Share } from "../../work/index.js";
import { acceptsGzip, compress, decompress, isGzipNamed, minCompressedBytes } from "./compression.js";
import { Base64Reader, base64Text } from "./grpc-web/wire.js";
import type { IdleStream, IdleStreams } from "./idle-streams.js";
import type { Call, CallHandler, Method } from "./method.js";
import { isBug, type RpcError, rpcErrorFrom } from "./rpc-error.js";
import { deadlineExceeded, startDeadline } from "./timeout.js";
import { UnaryHandler } from "./unary-handler.js";
import type { Wire } from "./wire.js";

/** Where a room is read from, in the head of a stream; and how far it was written, in the trailers of one that ended idle
 * or stalled. */
export const positionField = "confab-position";

export interface CallDeps {
  /** Bound of one message, in bytes, before and after decompression. */
  readonly maxMessageBytes: number;
  /** For the request of a call that takes only one message. */
  readonly arrivals: ArrivalTimeouts;
  /** For streams that a proxy would cut. */
  readonly idleStreams: IdleStreams;
  /** For streams whose clients do not read. */
  readonly readerStalls: ReaderStalls;
  /** Calls that may last: those that have begun a stream, or take one. For the stop of the server. */
  readonly streams: Set<EnvelopedCall>;
  /** For bugs: errors that have no place in the catalogue. */
  readonly report: (error: ConfabError) => void;
}

/** A call whose messages come in envelopes: gRPC, gRPC-Web, and Connect's streams. */
export class EnvelopedCall
  implements Call, ExchangeListener, Arrival, PartialRequest, IdleStream, StallingReader, PacedInput
{
  readonly format: WireFormat;
  readonly caller: UnaryCaller;
  readonly timeoutMs: number | undefined;
  readonly isText: boolean;
  /** Messages, and the end of the request behind them, that wait for a turn of the connection or for the handler. */
  waitingSteps: (() => void)[] | undefined;
  isTurnAwaited = false;
  /** The handler has paused: what came before its pause waits here, what comes later at the client. */
  isHeld = false;
  private readonly envelopes: EnvelopeReader;
  private readonly base64: Base64Reader | undefined;
  private handler: CallHandler | undefined;
  private readonly isGzip: boolean;
  private readonly cancelDeadline: (() => void) | undefined;
  private isHeadSent = false;
  private isOver = false;
  private isHalfClosed = false;
  /** The request has ended, and what came of it waits. */
  private isEndDue = false;
  private readonly takesOneMessage: boolean;
  /** The message of a call that takes one, until the request ends. */
  private only: Uint8Array | undefined;
  /** What has come of a message waits for the rest. */
  private isAwaited = false;
  /** The bytes that the connection's share counts for this call. */
  private partialBytes = 0;
  quietSweeps = 0;
  maxQuietSweeps = 0;
  seenTakenBytes = 0;
  stalledSweeps = 0;
  readonly query = undefined;
  responseHeaders: Fields | undefined;
  responseTrailers: Fields | undefined;

  /** @throws what is wrong with the request's headers: nothing has been done then. */
  constructor(
    private readonly exchange: Exchange,
    private readonly wire: Wire,
    private readonly method: Method,
    { caller, timeoutMs }: Pick<Call, "caller" | "timeoutMs">,
    private readonly deps: CallDeps,
  ) {
    this.format = wire.format;
    this.caller = caller;
    this.timeoutMs = timeoutMs;
    this.isText = wire.isText;
    this.isGzip = isGzipNamed(exchange.request.headers[wire.encodingHeader]);
    this.base64 = wire.isText ? new Base64Reader() : undefined;
    this.envelopes = new EnvelopeReader(
      deps.maxMessageBytes,
      (flags, message) => this.take(flags, message),
      (length) =>
        this.finish(
          new ConfabError(
            "PAYLOAD_TOO_LARGE",
            `the message announces ${length} bytes; at most ${deps.maxMessageBytes} are taken`,
          ),
        ),
      // Of a chunk of small messages each would take twenty times its bytes while it waits.
      () => this.mustPause,
    );
    if (timeoutMs !== undefined && timeoutMs <= 0) throw deadlineExceeded();
    this.cancelDeadline = startDeadline(timeoutMs, () => this.finish(deadlineExceeded()));
    this.takesOneMessage = method.kind === "unary" || method.kind === "server-stream";
  }

  /** Begin to listen. A call that takes one message has to bring it in time. */
  begin(): void {
    if (!this.takesOneMessage) this.deps.streams.add(this);
    this.open();
    this.exchange.listen(this);
    if (this.isOver) return;
    this.isAwaited = true;
    if (this.takesOneMessage) this.deps.arrivals.await(this);
  }

  get metadata(): Fields {
    return this.exchange.request.headers;
  }

  get share(): Share {
    return this.exchange.share;
  }

  get queuedBytes(): number {
    return this.exchange.queuedBytes;
  }

  get takenBytes(): number {
    return this.exchange.takenBytes;
  }

  data(chunk: Uint8Array, isLast = false): void {
    if (this.isOver) return;
    const bytes = this.base64 ? this.base64.push(chunk) : chunk;
    if (!bytes) this.finish(new ConfabError("MALFORMED_MESSAGE", "the body is not base64"));
    else {
      this.envelopes.push(bytes);
      if (!isLast) this.countPartial();
    }
  }

  /** Tell the connection's share what is held until more of the request comes. */
  private countPartial(): void {
    if (!this.isAwaited) return;
    if (this.only) this.only = keptBytes(this.only);
    const bytes = this.envelopes.heldBytes + (this.only?.length ?? 0);
    if (bytes === this.partialBytes) return;
    this.partialBytes = bytes;
    this.share.holdPartial(this, bytes);
  }

  ended(): void {
    this.isHalfClosed = true;
    this.releaseArrival();
    this.isEndDue = true;
    this.endInTurn();
  }

  /** The end of the request, behind all its messages. */
  private endInTurn(): void {
    if (!this.isEndDue || this.isOver || this.mustPause) return;
    this.isEndDue = false;
    if (this.envelopes.isAtBoundary && this.base64?.isAtBoundary !== false) inTurn(this, () => this.halfClose());
    else this.finish(new ConfabError("MALFORMED_MESSAGE", "the request ends in the middle of a message"));
  }

  drained(): void {
    if (!this.isOver) this.handler?.drained?.();
  }

  /** The client cancelled or vanished: nobody to tell. */
  aborted(): void {
    this.release();
  }

  /** The request did not arrive in time, or with too many others. */
  refuse(error: ConfabError): void {
    this.finish(error);
  }

  start(): void {
    if (this.isOver || this.isHeadSent) return;
    this.isHeadSent = true;
    this.wire.streamHead(this.responseHeaders);
    const { idleStreams, readerStalls, streams } = this.deps;
    if (this.wire.isCutWhenIdle) idleStreams.add(this);
    readerStalls.add(this);
    streams.add(this);
  }

  send(message: Uint8Array, shared?: Uint8Array): boolean {
    if (shared === undefined) return this.writeText(framed(envelopeFraming, message));
    const head = new Uint8Array(envelopeBytes + message.length);
    head.set(message, writeEnvelope(head, 0, 0, message.length + shared.length));
    this.writeText(head);
    return this.writeText(shared);
  }

  private writeText(bytes: Uint8Array): boolean {
    return this.write(this.isText ? base64Text(bytes) : bytes);
  }

  write(envelopes: Uint8Array): boolean {
    this.quietSweeps = 0;
    return this.isOver || this.exchange.write(envelopes);
  }

  pause(): void {
    this.isHeld = true;
    this.updatePause();
  }

  resume(): void {
    this.isHeld = false;
    goOn(this);
    this.updatePause();
  }

  updatePause(): void {
    if (!this.mustPause) this.envelopes.goOn();
    this.endInTurn();
    // What comes after the end of the call is read and dropped.
    if (!this.isOver && this.mustPause) this.exchange.pause();
    else this.exchange.resume();
  }

  private get mustPause(): boolean {
    return this.isHeld || this.waitingSteps !== undefined;
  }

  failed(error: ConfabError): void {
    this.finish(error);
  }

  reply(message: Uint8Array): void {
    if (this.isOver) return;
    if (
      message.length < minCompressedBytes ||
      !acceptsGzip(this.exchange.request.headers[this.wire.acceptEncodingHeader])
    ) {
      this.replyIn(framed(envelopeFraming, message), false);
      return;
    }
    compress(message).then(
      (compressed) => this.replyIn(enveloped(envelopeFlag.compressed, compressed), true),
      (thrown) => this.finish(rpcErrorFrom(thrown)),
    );
  }

  /** A proxy would cut the stream soon, and its client would not know how far it had come. */
  endIdle(): void {
    const error = new ConfabError("IDLE_STREAM", "nothing was sent on this stream for idleStreamEndMs: ask again", {
      retryAfterMs: 0,
    });
    this.endAtPosition(error);
  }

  endStalled(error: ConfabError): void {
    this.endAtPosition(error);
  }

  /** The server stops. A request that has come whole and waits for its one reply still gets it. */
  stop(error: ConfabError): void {
    if (!this.isHalfClosed || this.isHeadSent) this.endAtPosition(error);
  }

  /** The client reads on after the position in the trailers. */
  private endAtPosition(error: ConfabError): void {
    const position = this.handler?.position;
    if (position) this.responseTrailers = { [positionField]: formatPosition(position) };
    this.finish(error);
  }

  finish(error?: RpcError): void {
    if (this.isOver) return;
    if (error && isBug(error)) this.deps.report(error);
    if (error) this.share.spend(cost.error);
    // Without response metadata a failed call is one block of headers.
    if (this.responseHeaders) this.start();
    this.release();
    try {
      this.wire.end(error, this.isHeadSent, this.responseTrailers);
    } catch (thrown) {
      // A bug must end this call and nothing else. Most who finish a call have no caller that would catch it.
      this.deps.report(confabErrorFrom(thrown));
      this.exchange.reset();
    }
    // An answer before the end of the request: what else comes is read and dropped, for the sake of the connection.
    if (!this.isHalfClosed) this.exchange.resume();
  }

  private open(): void {
    const { method } = this;
    try {
      this.handler = method.kind === "unary" ? new UnaryHandler(this, method.call) : method.open(this);
    } catch (thrown) {
      this.finish(rpcErrorFrom(thrown));
    }
    // It may have finished the call before it was known here.
    if (this.isOver) this.handler?.over?.();
  }

  private replyIn(envelope: Uint8Array, isCompressed: boolean): void {
    if (this.isOver) return;
    this.isHeadSent = true;
    this.wire.replyHead(isCompressed, this.responseHeaders);
    this.writeText(envelope);
    this.finish();
  }

  private take(flags: number, message: Uint8Array): void {
    if (this.isOver) return;
    // The one message of a call is only kept until the request ends; what it asks is done then.
    const isKept = this.takesOneMessage && flags === 0;
    if (isKept) this.handle(flags, message);
    else inTurn(this, () => this.handle(flags, message));
  }

  private handle(flags: number, message: Uint8Array): void {
    if (this.isOver) return;
    try {
      if (this.only) throw wrongMessageCount("more");
      const bytes = this.unfolded(flags, message);
      if (!this.takesOneMessage) this.handler?.message(bytes);
      else {
        this.only = bytes;
        // It was inflated, perhaps in a later turn.
        if (flags !== 0) this.countPartial();
      }
    } catch (thrown) {
      this.finish(rpcErrorFrom(thrown));
    }
  }

  private unfolded(flags: number, message: Uint8Array): Uint8Array {
    if (flags === 0) return message;
    if (flags !== envelopeFlag.compressed)
      throw new ConfabError("MALFORMED_MESSAGE", `an envelope has the unknown flags ${flags}`);
    if (!this.isGzip)
      throw new ConfabError(
        "BROKEN_COMPRESSION",
        `a message is compressed, but ${this.wire.encodingHeader} names no compression`,
      );
    const inflated = decompress(message, this.deps.maxMessageBytes, this.wire.brokenGzipCode);
    this.share.spend((inflated.length * cost.inflatedKib) / 1_024);
    return inflated;
  }

  private halfClose(): void {
    if (this.isOver) return;
    try {
      if (!this.takesOneMessage) this.handler?.halfClosed?.();
      else if (this.only) this.handler?.message(this.only);
      else throw wrongMessageCount("none");
    } catch (thrown) {
      this.finish(rpcErrorFrom(thrown));
    }
  }

  private releaseArrival(): void {
    this.isAwaited = false;
    this.deps.arrivals.release(this);
    if (this.partialBytes === 0) return;
    this.partialBytes = 0;
    this.share.holdPartial(this, 0);
  }

  private release(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.cancelDeadline?.();
    this.envelopes.stop();
    this.only = undefined;
    this.waitingSteps = undefined;
    this.releaseArrival();
    this.deps.idleStreams.delete(this);
    this.deps.readerStalls.delete(this);
    this.deps.streams.delete(this);
    this.handler?.over?.();
  }
}

/**
 * None or two messages for a call that takes one is UNIMPLEMENTED in gRPC (grpc/doc/statuscodes.md, "Request cardinality
 * violation"), and so it is in gRPC-Web and in Connect's streams (connectrpc/conformance).
 */
function wrongMessageCount(came: "more" | "none"): ConfabError {
  return new ConfabError("WRONG_MESSAGE_COUNT", `this call takes one message, and ${came} came`);
}
