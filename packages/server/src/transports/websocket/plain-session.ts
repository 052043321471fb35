import { type ConfabError, confabErrorFrom } from "@confab/contract";
import type { Encoding, RoomId, Sink, Subscription } from "../../core/index.js";
import type { ReaderStalls, StallingReader } from "../../http/reader-stalls.js";
import { errorJson } from "../../http-reply/index.js";
import { type Caller, type ChatService, decodeSentMessage, type ErrorBudget } from "../../service/index.js";
import { cost, inTurn, type PacedInput, type Share, spendParsed } from "../../work/index.js";
import { closeWith } from "./close.js";
import type { Form } from "./codec.js";
import { wrongFrameType } from "./framed-session.js";
import { plainReaderFrom } from "./plain-request.js";
import type { ConnectionListener, WebSocketConnection } from "./protocol/connection.js";

export interface PlainSessionDeps {
  readonly service: ChatService;
  /** A client spent its budget of errors, and its connection ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  readonly readerStalls: ReaderStalls;
  readonly report: (error: unknown) => void;
}

/**
 * A connection in the tutorials' shape: `{"user","text"}` comes in, ChatMessage JSON of one room goes out, and `{"error": …}` for
 * what the client did wrong. Nothing is acknowledged: a sender reads its room, so its message comes back.
 */
export class PlainSession implements ConnectionListener, Sink, PacedInput, StallingReader {
  readonly encoding: Encoding;
  readonly share: Share;
  waitingSteps: (() => void)[] | undefined;
  isTurnAwaited = false;
  /** No message comes while the connection is paused. */
  readonly isHeld = false;
  seenTakenBytes = 0;
  stalledSweeps = 0;
  private subscription: Subscription | undefined;
  /** Where messages go that name no room. */
  private room: RoomId | undefined;
  private sendsInFlight = 0;
  /** Our errors wait for a peer that does not read: it is not heard until it has. */
  private isFull = false;
  private isPaused = false;
  private readonly errors: ErrorBudget;
  private isOver = false;

  constructor(
    private readonly connection: WebSocketConnection,
    private readonly caller: Caller,
    private readonly form: Form,
    private readonly deps: PlainSessionDeps,
  ) {
    this.encoding = form.encoding;
    this.share = caller.share;
    this.errors = deps.service.newErrorBudget();
    deps.readerStalls.add(this);
  }

  /** Begin to read what the client's URL asks for. */
  async open(target: string): Promise<void> {
    // A message sent before the room is read would not come back to its sender.
    this.connection.pause();
    try {
      const reader = plainReaderFrom(target);
      const { subscription, room } = await this.deps.service.operations.subscribe({ reader }, this.caller, this);
      if (this.isOver) {
        subscription.close();
        return;
      }
      this.subscription = subscription;
      this.room = room;
      this.connection.resume();
    } catch (thrown) {
      this.ended(confabErrorFrom(thrown));
    }
  }

  message(payload: Buffer, isText: boolean): void {
    if (this.isOver) return;
    if (isText !== this.form.isText) {
      this.ended(wrongFrameType(this.form));
      return;
    }
    inTurn(this, () => this.take(payload));
  }

  failed(error: ConfabError): void {
    this.ended(error);
  }

  updatePause(): void {
    const mustPause =
      this.isFull ||
      this.waitingSteps !== undefined ||
      this.sendsInFlight >= this.deps.service.deps.limits.maxRequestsInFlight;
    if (mustPause === this.isPaused || this.isOver) return;
    this.isPaused = mustPause;
    if (mustPause) this.connection.pause();
    else this.connection.resume();
  }

  drained(): void {
    this.isFull = false;
    this.updatePause();
    this.subscription?.drained();
  }

  closed(_code: number, error?: ConfabError): void {
    if (error?.code === "INTERNAL") this.deps.report(error);
    this.deps.readerStalls.delete(this);
    this.deps.service.connectionEnded(this.caller);
    this.over();
  }

  get queuedBytes(): number {
    return this.connection.queuedBytes;
  }

  get takenBytes(): number {
    return this.connection.takenBytes;
  }

  endStalled(error: ConfabError): void {
    this.ended(error, this.deps.service.deps.limits.replyStallMs);
  }

  write(bytes: Uint8Array): boolean {
    return this.connection.write(bytes);
  }

  /** The subscription has ended, or could not begin, and a plain connection has nothing else to do. */
  ended(error: ConfabError, closeTimeoutMs?: number): void {
    this.sendError(error);
    closeWith(this.connection, error, closeTimeoutMs);
    this.over();
  }

  /** Also when the connection ended while the message waited: it came whole, and its sender waits for no answer. */
  private take(payload: Buffer): void {
    spendParsed(this.share, "json", payload.length);
    this.sendsInFlight++;
    this.updatePause();
    this.send(payload).catch((thrown: unknown) => this.failed(confabErrorFrom(thrown)));
  }

  /** What goes wrong is an answer. */
  private async send(payload: Buffer): Promise<void> {
    const { operations, deps } = this.deps.service;
    try {
      const message = decodeSentMessage("json", payload, deps.types);
      await operations.send(message.room === "" && this.room ? { ...message, room: this.room } : message, this.caller);
      this.errors.giveBack();
    } catch (thrown) {
      this.refused(confabErrorFrom(thrown));
    } finally {
      this.sendsInFlight--;
      this.updatePause();
    }
  }

  /** A message was not stored. */
  private refused(error: ConfabError): void {
    this.sendError(error);
    const spent = this.isOver ? undefined : this.errors.count(error);
    if (spent === undefined) return;
    this.deps.onAbuse(this.caller.remoteAddress, spent.message);
    this.ended(spent);
  }

  private sendError(error: ConfabError): void {
    if (error.code === "INTERNAL") this.deps.report(error);
    this.share.spend(cost.error);
    if (this.connection.sendText(`{"error":${errorJson(error)}}`)) return;
    this.isFull = true;
    this.updatePause();
  }

  private over(): void {
    this.isOver = true;
    this.subscription?.close();
    this.subscription = undefined;
  }
}
