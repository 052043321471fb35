import type { ReplyRoom, Share } from "../../work/index.js";
import type { Exchange, ExchangeListener, Fields, RequestHead } from "../exchange.js";
import { ReceiveWindow, streamWindowBytes } from "./flow-control.js";
import { ErrorCode } from "./frame.js";
import { HeldBody } from "./held-body.js";
import type { ReceivedHead } from "./request-head.js";
import type { SendQueue } from "./send-queue.js";
import type { Sender, SendingStream } from "./sender.js";

/** What a stream needs of its connection besides the sender. */
export interface StreamOwner {
  readonly sender: Sender;
  readonly share: Share;
  /** `count` bytes have been read: their share of the windows may be given back. */
  consumed(stream: Http2Stream, count: number): void;
  /** Call `deliverHeld`. */
  deliver(stream: Http2Stream): void;
  /** Call it in the turn of this connection, and not from here. */
  deliverLater(stream: Http2Stream): void;
  /** The response is complete; the request may not be. */
  responseEnded(stream: Http2Stream): void;
  /** Both halves are complete. */
  finished(stream: Http2Stream): void;
  /** Send RST_STREAM and forget the stream. Its listener is not told. */
  giveUp(stream: Http2Stream, code: ErrorCode): void;
}

/**
 * One request and its response on an HTTP/2 connection.
 *
 *                     request read to its end          response sent to its end
 *        open ───────► isRequestEnded ─────────┐   ┌── isResponseEnded ◄──────── open
 *                                              ▼   ▼
 *                                   finished: forgotten by the connection
 *        reset by either side, or the connection dies ──► isDead
 */
export class Http2Stream implements Exchange, SendingStream {
  readonly id: number;
  readonly request: RequestHead;
  readonly window = new ReceiveWindow(streamWindowBytes);

  sendWindowBytes: number;
  queue: SendQueue | undefined = undefined;
  isEnding = false;
  trailers: Fields | undefined = undefined;
  takenBytes = 0;

  /** END_STREAM has come. */
  isRequestEnded = false;
  /** END_STREAM has been sent. */
  isResponseEnded = false;
  hasResponded = false;
  /** Nothing more comes or goes. */
  isDead = false;
  /** Nothing happened on the stream since the sweep that set this. */
  isQuiet = false;
  /** Of a complete response: what waited for the peer at a sweep, and since when it has been the same. */
  unreadBytes = 0;
  unreadSinceMs = 0;
  /** The response had ended, and the request had not, at the sweep that set this. */
  isRestOverdue = false;

  readonly #owner: StreamOwner;
  #listener: ExchangeListener = deaf;
  /** Bytes of the body that are still to come, when a length was announced; -1 otherwise. */
  #missingBytes: number;
  #isPaused = false;
  #isEndDelivered = false;
  #held: HeldBody | undefined = undefined;
  #room: ReplyRoom | undefined = undefined;
  /** The response has no body whatever is written: HEAD, 204 and 304 (RFC 9110 §6.4.1). */
  #isBodyless: boolean;

  constructor(id: number, head: ReceivedHead, owner: StreamOwner) {
    this.id = id;
    this.request = head.request;
    this.#owner = owner;
    this.#missingBytes = head.contentLength;
    this.sendWindowBytes = owner.sender.initialStreamWindowBytes;
    this.#isBodyless = head.request.method === "HEAD";
  }

  get share(): Share {
    return this.#owner.share;
  }

  get isOver(): boolean {
    return this.isDead || this.isEnding;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get queuedBytes(): number {
    return this.queue === undefined ? 0 : this.queue.heldBytes;
  }

  /** The request's length was announced, and the peer may send the rest without any help of ours. */
  get isRestWithinWindow(): boolean {
    return this.#missingBytes >= 0 && this.#missingBytes <= this.window.leftBytes;
  }

  listen(listener: ExchangeListener): void {
    this.#listener = listener;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(isInTurn = false): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.isDead || (this.#held === undefined && !this.isRequestEnded)) return;
    if (isInTurn) this.#owner.deliver(this);
    // Not from here: the caller may be in the middle of a call from us.
    else this.#owner.deliverLater(this);
  }

  respond(status: number, headers: Fields): void {
    if (this.isDead || this.hasResponded) return;
    this.hasResponded = true;
    this.isQuiet = false;
    if (status === 204 || status === 304) this.#isBodyless = true;
    this.#owner.sender.head(this.id, status, headers, 0);
  }

  write(bytes: Uint8Array): boolean {
    if (this.isDead || this.isEnding || this.#isBodyless || bytes.length === 0) return true;
    if (!this.hasResponded) throw new Error("write before respond");
    this.isQuiet = false;
    return this.#owner.sender.body(this, bytes);
  }

  hold(room: ReplyRoom): void {
    if (this.isDead || this.isResponseEnded) room.release();
    else this.#room = room;
  }

  end(trailers?: Fields): void {
    if (this.isDead || this.isEnding) return;
    if (!this.hasResponded) throw new Error("end before respond");
    this.isEnding = true;
    this.isQuiet = false;
    this.trailers = trailers;
    this.#owner.sender.end(this);
  }

  reset(): void {
    if (this.isDead || this.isEnding) return;
    this.#owner.giveUp(this, ErrorCode.INTERNAL_ERROR);
  }

  drained(): void {
    this.#listener.drained();
  }

  sentEnd(): void {
    this.isResponseEnded = true;
    this.#room?.release();
    if (this.isRequestEnded) this.#owner.finished(this);
    else this.#owner.responseEnded(this);
  }

  /**
   * Some of the request's body came, with END_STREAM when `isLast`. False when the body contradicts its announced
   * length, which makes the request malformed (RFC 9113 §8.1.1).
   */
  receive(bytes: Uint8Array, isLast: boolean): boolean {
    this.isQuiet = false;
    if (this.#missingBytes >= 0) {
      this.#missingBytes -= bytes.length;
      if (this.#missingBytes < 0 || (isLast && this.#missingBytes > 0)) return false;
    }
    if (isLast) this.isRequestEnded = true;
    if (this.#isPaused || this.#held !== undefined) {
      this.#held ??= new HeldBody();
      if (bytes.length > 0) this.#held.push(bytes);
      if (isLast && this.isResponseEnded) this.#owner.finished(this);
      return true;
    }
    if (bytes.length > 0) {
      this.#listener.data(bytes, isLast);
      this.#owner.consumed(this, bytes.length);
    }
    if (isLast) this.#deliverEnd();
    return true;
  }

  /** Hand over what came while the listener had paused, unless it pauses again. */
  deliverHeld(): void {
    while (!this.#isPaused && !this.isDead) {
      const bytes = this.#held?.shift();
      if (bytes === undefined) {
        this.#held = undefined;
        if (this.isRequestEnded) this.#deliverEnd();
        return;
      }
      this.#listener.data(bytes, this.isRequestEnded && this.#held?.bytes === 0);
      this.#owner.consumed(this, bytes.length);
    }
  }

  /** The stream ends here. Returns the bytes that were never delivered, for the connection's window. */
  die(): number {
    this.isDead = true;
    this.#room?.release();
    this.#owner.sender.forget(this);
    const held = this.#held;
    this.#held = undefined;
    return held?.bytes ?? 0;
  }

  /** Tell the listener that the stream is gone, unless the response was complete. After `die`. */
  tellAborted(): void {
    if (!this.isResponseEnded) this.#listener.aborted();
  }

  #deliverEnd(): void {
    if (this.isDead) return;
    // A paused listener hears of the end after what is held; see `resume`.
    if (this.#isPaused) return;
    if (!this.#isEndDelivered) {
      this.#isEndDelivered = true;
      this.#listener.ended();
    }
    if (this.isResponseEnded && !this.isDead) this.#owner.finished(this);
  }
}

/** Stands in until, or unless, the handler listens. */
const ignore = (): void => undefined;
const deaf: ExchangeListener = { data: ignore, ended: ignore, drained: ignore, aborted: ignore };
