import type { Socket } from "node:net";
import { processWork, type Share } from "../../work/index.js";
import type { ExchangeHandler } from "../exchange.js";
import { ClosedStreams } from "./closed-streams.js";
import { connectionWindowBytes, protocolWindowBytes, ReceiveWindow, streamWindowBytes } from "./flow-control.js";
import { ConnectionError, ErrorCode, FrameType, max31Bit, writeUint32 } from "./frame.js";
import { defaultBudgets, Guard } from "./guard.js";
import { HeadCache } from "./head-cache.js";
import type { OpenHeaderBlock } from "./header-block.js";
import { HpackDecoder } from "./hpack/decoder.js";
import { defaultHighWaterMarkBytes, defaultTimeouts, type Http2Options, type Http2Timeouts } from "./options.js";
import { Output } from "./output.js";
import { Sender } from "./sender.js";
import { ownSettings } from "./settings.js";
import { sharedSlab } from "./slab.js";
import type { Http2Stream, StreamOwner } from "./stream.js";
import { type TurnEnd, turnQueue } from "./turn.js";

/** Answers that pile up past this stop us reading, until the peer has read them; in bytes. Bodies queue far earlier. */
const readPauseBytes = 512 * 1024;

/**
 *    open ──► draining: GOAWAY sent, streams finish ──► closing: last bytes leave, input is dropped ──► closed
 *      └───────────── an error of the connection ──────────┘                   the socket has closed ─┘
 */
export type Phase = "open" | "draining" | "closing" | "closed";

/**
 * The state of one HTTP/2 connection, and the few steps that everything else is made of. What frames do to it is in
 * `receive-*.ts`, what time does in `deadlines.ts`.
 */
export class Session implements StreamOwner, TurnEnd {
  readonly options: Http2Options;
  readonly timeouts: Http2Timeouts;
  readonly onExchange: ExchangeHandler;
  readonly decoder: HpackDecoder;
  readonly heads = new HeadCache();
  readonly guard: Guard;
  readonly output: Output;
  readonly sender: Sender;
  readonly window = new ReceiveWindow(connectionWindowBytes);
  readonly streams = new Map<number, Http2Stream>();
  readonly closedStreams: ClosedStreams;
  readonly share: Share;

  phase: Phase = "open";
  lastStreamId = 0;
  /** Streams above this one are ignored: said in the last GOAWAY. */
  lastAcceptedStreamId = max31Bit;
  openBlock: OpenHeaderBlock | undefined;
  /** The peer's first frame must be SETTINGS (RFC 9113 §3.4). */
  hasSettings = false;
  isSettingsAcked = false;
  /** Moves whenever something came or the socket drained: the peer lives. */
  progress = 0;

  readonly #socket: Socket;
  #isTurnQueued = false;
  #isReadPaused = false;
  readonly #lingering: Http2Stream[] = [];

  constructor(socket: Socket, options: Http2Options, onExchange: ExchangeHandler) {
    const highWaterMarkBytes = options.highWaterMarkBytes ?? defaultHighWaterMarkBytes;
    this.#socket = socket;
    this.options = options;
    this.timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.onExchange = onExchange;
    this.share = (options.work ?? processWork).share();
    this.decoder = new HpackDecoder(options.maxHeaderBytes);
    this.closedStreams = new ClosedStreams(options.maxStreams);
    this.guard = new Guard({ ...defaultBudgets, ...options.budgets });
    this.output = new Output(socket, sharedSlab, this);
    this.sender = new Sender(
      this.output,
      highWaterMarkBytes,
      Math.max(highWaterMarkBytes, socket.writableHighWaterMark),
    );
  }

  /** Our half of the preface. */
  start(): void {
    this.output.frame(FrameType.SETTINGS, 0, 0, ownSettings(this.options, streamWindowBytes));
    this.output.numberFrame(FrameType.WINDOW_UPDATE, 0, connectionWindowBytes - protocolWindowBytes);
  }

  get isReading(): boolean {
    return this.phase === "open" || this.phase === "draining";
  }

  /** Something that the peer or a listener can make fail has failed: it ends this connection and nothing else. */
  failFor(error: unknown): void {
    if (error instanceof ConnectionError) return this.fail(error.code, error.message);
    this.options.onError?.(error);
    this.fail(ErrorCode.INTERNAL_ERROR, "internal error");
  }

  /** End the connection with GOAWAY; every stream is aborted. */
  fail(code: ErrorCode, message: string): void {
    if (!this.isReading) return;
    if (code === ErrorCode.ENHANCE_YOUR_CALM) this.options.onAbuse?.(this.options.peer.address, message);
    this.goAway(this.lastStreamId, code, message);
    this.close();
  }

  goAway(lastStreamId: number, code: ErrorCode, message: string): void {
    const payload = Buffer.alloc(8 + Buffer.byteLength(message));
    writeUint32(payload, 0, lastStreamId);
    writeUint32(payload, 4, code);
    payload.write(message, 8);
    this.output.frame(FrameType.GOAWAY, 0, 0, payload);
  }

  /** Send what is left and end. Input is dropped from here on, but still read: closing a socket with unread input would
   *  reset it, and the peer might never see our last frames. */
  close(): void {
    if (!this.isReading) return;
    this.phase = "closing";
    this.abortAll();
    this.output.flush();
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The socket has closed. */
  closed(): void {
    this.phase = "closed";
    this.share.close();
    this.abortAll();
  }

  abortAll(): void {
    for (const stream of [...this.streams.values()]) {
      // One that is told may reset another.
      if (!stream.isDead) this.abort(stream);
    }
  }

  /** The peer is done with the stream, or gone. */
  abort(stream: Http2Stream): void {
    this.#remove(stream, false);
    try {
      stream.tellAborted();
    } catch (error) {
      // The other streams must still hear that they are gone.
      this.options.onError?.(error);
    }
  }

  /** The peer broke a rule on this stream: reset it and tell its listener. */
  failStream(stream: Http2Stream, code: ErrorCode): void {
    this.giveUp(stream, code);
    stream.tellAborted();
    this.countReset();
  }

  /** A request ended without an answer, or was refused. `count`: see `Guard.countReset`. */
  countReset(count = 1): void {
    if (this.guard.countReset(count)) this.#windDown(this.guard.resetsText);
  }

  countControlFrame(): void {
    this.guard.countControlFrame(this.sender.sentFrames);
  }

  /** RST_STREAM as an answer to a frame of the peer's. */
  refuse(streamId: number, code: ErrorCode): void {
    this.output.numberFrame(FrameType.RST_STREAM, streamId, code);
    this.closedStreams.add(streamId, true);
    this.guard.countAnswer();
    this.countReset();
  }

  /** A frame broke a rule that concerns its stream only, whatever became of that stream. */
  rejectFrame(streamId: number, code: ErrorCode): void {
    const stream = this.streams.get(streamId);
    if (stream !== undefined) this.failStream(stream, code);
    else if (streamId <= this.lastStreamId) this.refuse(streamId, code);
    // RST_STREAM may not be sent on a stream that was never opened.
    else throw new ConnectionError(code, `a broken frame on stream ${streamId}`);
  }

  /** Nothing came on a stream, or left on it, for too long. */
  stall(stream: Http2Stream): void {
    this.giveUp(stream, ErrorCode.CANCEL);
    stream.tellAborted();
  }

  consumed(stream: Http2Stream, count: number): void {
    this.consumedOnConnection(count);
    if (stream.isRequestEnded || stream.isDead) return;
    const increment = stream.window.consume(count);
    if (increment > 0) this.output.numberFrame(FrameType.WINDOW_UPDATE, stream.id, increment);
  }

  consumedOnConnection(count: number): void {
    if (!this.isReading) return;
    const increment = this.window.consume(count);
    if (increment > 0) this.output.numberFrame(FrameType.WINDOW_UPDATE, 0, increment);
  }

  deliver(stream: Http2Stream): void {
    if (!this.isReading) return;
    try {
      stream.deliverHeld();
    } catch (error) {
      this.failFor(error);
    }
    this.wake();
  }

  /** In its turn, so that a request which comes later does not overtake this one. */
  deliverLater(stream: Http2Stream): void {
    this.share.wait(() => this.deliver(stream));
  }

  responseEnded(stream: Http2Stream): void {
    // The end of the request may be in this very chunk: decided when the turn ends.
    this.#lingering.push(stream);
  }

  finished(stream: Http2Stream): void {
    if (stream.request.refusal === undefined) this.guard.countServed();
    this.#remove(stream, false);
  }

  giveUp(stream: Http2Stream, code: ErrorCode): void {
    this.#remove(stream, true);
    this.output.numberFrame(FrameType.RST_STREAM, stream.id, code);
  }

  /** There is something to do when the turn ends. */
  wake(): void {
    if (this.#isTurnQueued) return;
    this.#isTurnQueued = true;
    turnQueue.add(this);
  }

  endOfTurn(): void {
    // Over TLS a write is never over when it returns, and only one that filled the socket is followed by "drain".
    if (this.output.socketBytes > 0 && this.#socket.writableLength === 0) {
      this.output.socketBytes = 0;
      this.guard.answersSent();
    }
    if (this.isReading) {
      try {
        this.#settleTurn();
      } catch (error) {
        this.failFor(error);
      }
    }
    this.#isTurnQueued = false;
    if (!this.isReading) return;
    this.output.flush();
    if (this.output.socketBytes === 0) this.guard.answersSent();
    this.#pauseReading(this.output.socketBytes >= readPauseBytes);
    if (this.sender.canPump || this.#lingering.length > 0) this.wake();
  }

  socketDrained(): void {
    this.progress += 1;
    this.output.socketBytes = this.#socket.writableLength;
    this.#pauseReading(false);
    this.guard.answersSent();
    this.wake();
  }

  /** Whether bytes wait for the peer, on the socket or on a stream. Looks at all streams. */
  get hasQueue(): boolean {
    if (this.socketBytes > 0) return true;
    for (const stream of this.streams.values()) if (stream.queuedBytes > 0) return true;
    return false;
  }

  get socketBytes(): number {
    return this.#socket.writableLength;
  }

  #settleTurn(): void {
    this.sender.pump();
    for (const stream of takeAll(this.#lingering)) {
      // The response is complete, so the rest of the request is of no use to anybody (RFC 9113 §8.1). But some clients
      // (curl 7.88) take a reset under their upload for a failure, and never show the answer: a rest that is short is read
      // and dropped instead, and the sweep of silent streams sees to one that never comes.
      if (!stream.isDead && !stream.isRestWithinWindow) this.giveUp(stream, ErrorCode.NO_ERROR);
    }
    if (this.phase === "draining" && this.streams.size === 0 && this.lastAcceptedStreamId !== max31Bit) this.close();
  }

  /**
   * The client has spent its budget of resets. Requests that were answered and go on may be other users', behind one
   * gateway: then no more are taken, and these finish. NO_ERROR, since some clients end all streams at any other code.
   *
   * @throws ConnectionError ENHANCE_YOUR_CALM: there are no such requests.
   */
  #windDown(message: string): void {
    const isShared = [...this.streams.values()].some((stream) => stream.hasResponded);
    if (!isShared) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message);
    this.options.onAbuse?.(this.options.peer.address, message);
    this.phase = "draining";
    this.lastAcceptedStreamId = this.lastStreamId;
    this.goAway(this.lastStreamId, ErrorCode.NO_ERROR, message);
  }

  #pauseReading(isPaused: boolean): void {
    if (isPaused === this.#isReadPaused || !this.isReading) return;
    this.#isReadPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }

  #remove(stream: Http2Stream, isResetByUs: boolean): void {
    this.streams.delete(stream.id);
    this.closedStreams.add(stream.id, isResetByUs);
    const undelivered = stream.die();
    if (undelivered > 0) this.consumedOnConnection(undelivered);
    if (this.phase === "draining" && this.streams.size === 0) this.wake();
  }
}

function takeAll<T>(items: T[]): T[] {
  return items.splice(0);
}
