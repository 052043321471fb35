import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConfabError, confabErrorFrom } from "@confab/contract";
import { type Goodbye, GoodbyeSchema, UnsubscribedSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { SubscribePrefix } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import type { RoomId, Sink, Subscription } from "../../core/index.js";
import { cost, type ReplyRoom, spendParsed } from "../../work/index.js";
import type { ChatService } from "../chat-service.js";
import type { ErrorBudget } from "../error-budget.js";
import { wireErrorFrom } from "../error-frame.js";
import type { Caller, LargeForm, LiveConnection, PrefixReading, Principal } from "../operations/index.js";
import type { FrameChannel } from "./channel.js";
import { decodeClientFrame, type TakenFrame } from "./client-frame.js";
import type { FrameBody, ServerFrames } from "./server-frame.js";

export interface FrameSessionDeps {
  readonly service: ChatService;
  readonly frames: ServerFrames;
  /** Do what a frame asks and answer it; throws or rejects with what the client did wrong. */
  readonly answer: (session: FrameSession, frame: TakenFrame) => Promise<void> | void;
  readonly onClosed: (session: FrameSession) => void;
  /** Who a caller is after it has shown a token. Never rejects. */
  readonly principalBy: (token: string, caller: Caller) => Principal | Promise<Principal>;
  /** A client spent its budget of errors, and its session ends. */
  readonly onAbuse: (remoteAddress: string, reason: string) => void;
  /** For bugs: the client is told only that there was one. */
  readonly report: (error: ConfabError) => void;
}

/** A subscription that is being made. Compared by identity. */
export interface Opening {
  readonly isOpening: true;
}

/**
 * One Converse stream or framed WebSocket: the rooms it reads and the requests it waits for. It is the same for both, so
 * that exactly the same frames work on both.
 *
 * Frames are taken up in the order they come; each is answered when it is done, so answers may overtake one another. Sends
 * of one session to one room are appended in the order of their frames.
 */
export class FrameSession implements LiveConnection {
  readonly subscriptions = new Map<RoomId, Subscription | Opening>();
  /** Prefixes of rooms that are read. Their rooms are among the subscriptions. */
  readonly prefixes = new Map<string, PrefixReading>();
  /** Those of the subscriptions that a prefix has made; others may be in rooms whose names begin so. */
  readonly readByPrefix = new WeakSet<Subscription | Opening>();
  /** The beginning of a request whose rest has not come: at most `maxRoomsPerPrefix` rooms. */
  prefixPart: SubscribePrefix | undefined;
  private inFlight = 0;
  private isPaused = false;
  /** The channel's queue is full: frames wait with the client until it has drained. */
  private isBlocked = false;
  private onAnswered: (() => void) | undefined;
  private onProgress: (() => void) | undefined;
  /** Resolves when the token that was sent last is judged. */
  private authenticating: Promise<void> | undefined;
  private authenticated: () => void = () => undefined;
  private lastLarge: Promise<void> = Promise.resolve();
  /** What the last large answer takes while it waits for the client. */
  private room: ReplyRoom | undefined;
  private wakeLarge: () => void = () => undefined;
  private readonly errors: ErrorBudget;
  isClosed = false;

  constructor(
    /** Names the connection in logs. */
    readonly id: string,
    readonly channel: FrameChannel,
    readonly deps: FrameSessionDeps,
  ) {
    this.errors = deps.service.newErrorBudget();
  }

  /** Take one encoded ClientFrame. Bad ones are answered with an error frame; the session goes on. */
  receive(bytes: Uint8Array): void {
    if (this.isClosed) return;
    const { format, caller } = this.channel;
    spendParsed(caller.share, format, bytes.length);
    let frame: TakenFrame;
    try {
      frame = decodeClientFrame(format, bytes, this.deps.service.deps.types);
    } catch (thrown) {
      this.refused(0, confabErrorFrom(thrown));
      return;
    }
    this.inFlight++;
    this.updatePause();
    this.answer(frame);
  }

  /** Resolves once every frame taken so far has been answered. One caller. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      if (this.inFlight === 0) resolve();
      else this.onAnswered = resolve;
    });
  }

  /** Resolves when a subscription has been given something or has ended, or the session is closed. One caller. */
  progress(): Promise<void> {
    return new Promise((resolve) => {
      this.onProgress = resolve;
    });
  }

  /** The position of a subscription is another one. */
  progressed(): void {
    this.onProgress?.();
  }

  /** Messages of a subscription. Returns as `FrameChannel.write` does. */
  writeMessages(bytes: Uint8Array): boolean {
    const hasRoom = this.channel.write(bytes);
    this.progressed();
    return hasRoom;
  }

  /** Where the messages and events of a room go that the session reads. */
  sinkOf(wanted: { readonly wantsPresence: boolean; readonly wantsSignals: boolean }, ended: Sink["ended"]): Sink {
    const { encoding, caller } = this.channel;
    return {
      encoding,
      share: caller.share,
      write: (bytes) => this.writeMessages(bytes),
      passed: () => this.progressed(),
      ended,
      events: { encoding, ...wanted, write: (bytes) => this.writeLossy(bytes) },
    };
  }

  /** The server ended a subscription. `by`: the prefix by which the room was read, and the request that subscribed it. */
  unsubscribed(room: RoomId, reason: ConfabError, by?: { readonly prefix: string; readonly request: number }): void {
    this.subscriptions.delete(room);
    const value = create(UnsubscribedSchema, { room, prefix: by?.prefix ?? "", reason: wireErrorFrom(reason) });
    this.send(by?.request ?? 0, { case: "unsubscribed", value });
    this.onProgress?.();
  }

  /** The channel's queue has emptied. */
  drained(): void {
    this.isBlocked = false;
    this.room?.release();
    this.updatePause();
    for (const subscription of this.subscriptions.values()) {
      if (!("isOpening" in subscription)) subscription.drained();
    }
    this.wakeLarge();
  }

  /** The connection is gone. May be called twice. */
  closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.room?.release();
    this.deps.onClosed(this);
    for (const prefix of this.prefixes.values()) prefix.close();
    this.prefixes.clear();
    for (const subscription of this.subscriptions.values()) {
      if (!("isOpening" in subscription)) subscription.close();
    }
    this.subscriptions.clear();
    this.wakeLarge();
    this.onProgress?.();
  }

  /** End it for a reason of the server's. */
  end(reason: ConfabError): void {
    const { retryAfterMs = 0 } = reason.facts;
    // How long to wait is in the frame: a close frame has no place for it.
    if (reason.code === "RECONNECT") this.send(0, { case: "goodbye", value: goodbyeOf(reason, retryAfterMs) });
    else this.sendError(0, reason);
    this.channel.close(reason);
    this.closed();
  }

  get caller(): Caller {
    return this.channel.caller;
  }

  get queuedBytes(): number {
    return this.channel.queuedBytes;
  }

  /** Send a frame that answers `request`, or a push if that is 0. */
  send(request: number, body: FrameBody): void {
    this.sendEncoded(this.deps.frames.encode(this.channel.format, request, body));
  }

  sendEncoded(frame: Uint8Array): void {
    if (!this.isClosed && !this.channel.sendFrame(frame)) this.block();
  }

  /**
   * Write what need not arrive, made by the channel's encoding: nothing while the channel is full, so that signals to a slow
   * reader cost nothing.
   */
  writeLossy(bytes: Uint8Array): void {
    if (!this.isBlocked && !this.isClosed && !this.channel.write(bytes)) this.block();
  }

  /**
   * Send an answer that may be megabytes. One is made at a time, and none while the channel is full: a client that asks for
   * a thousand pages and reads none costs one of them. `make` awaits `begin` before it makes anything.
   *
   * @throws OVERLOADED: too many pages of other clients wait to be read. CANCELLED: the session has closed.
   */
  async sendLarge(make: (begin: LargeForm["begin"]) => Promise<Uint8Array>): Promise<void> {
    let room: ReplyRoom | undefined;
    let done: () => void = () => undefined;
    const begin = async (isScan?: boolean) => {
      if (room) {
        if (isScan) await room.scan();
      } else {
        const before = this.lastLarge;
        this.lastLarge = new Promise((resolve) => {
          done = resolve;
        });
        await before;
        while (this.isBlocked && !this.isClosed) {
          await new Promise<void>((resolve) => {
            this.wakeLarge = resolve;
          });
        }
        room = await this.channel.caller.share.roomForReply(isScan);
      }
      // A Converse stream may have closed meanwhile, while its connection lives.
      if (this.isClosed) throw new ConfabError("CANCELLED", "the connection has closed");
    };
    try {
      const frame = await make(begin);
      room?.resize(frame.length);
      this.sendEncoded(frame);
      // A channel that is full holds it until it has drained.
      if (this.isBlocked && !this.isClosed) {
        this.room = room;
        room = undefined;
      }
    } finally {
      room?.release();
      done();
    }
  }

  /** What the client sent was not done. */
  private refused(request: number, error: ConfabError): void {
    if (error.code === "INTERNAL") this.deps.report(error);
    // It asked for more than was done when it left, or spent its budget.
    if (this.isClosed) return;
    this.channel.caller.share.spend(cost.error);
    this.sendError(request, error);
    const spent = this.errors.count(error);
    if (spent) this.endForAbuse(spent);
  }

  private sendError(request: number, error: ConfabError): void {
    this.send(request, { case: "error", value: wireErrorFrom(error) });
  }

  private endForAbuse(reason: ConfabError): void {
    this.deps.onAbuse(this.channel.caller.remoteAddress, reason.message);
    this.end(reason);
  }

  /** Never throws: an error is an answer too. */
  private answer(frame: TakenFrame): void {
    // What follows a token is asked with it.
    if (this.authenticating !== undefined) {
      void this.authenticating.then(() => this.answer(frame));
      return;
    }
    // It may have closed while the frame waited: what it subscribes to now would never be closed.
    if (this.isClosed) {
      this.settled(frame);
      return;
    }
    if (frame.frame.case === "authenticate") {
      this.authenticating = new Promise((resolve) => {
        this.authenticated = resolve;
      });
    }
    try {
      const answer = this.deps.answer(this, frame);
      if (answer === undefined) this.settled(frame);
      else
        answer.then(
          () => this.settled(frame),
          (thrown: unknown) => this.settled(frame, { thrown }),
        );
    } catch (thrown) {
      this.settled(frame, { thrown });
    }
  }

  /** A frame was answered; `refusal`: what it asks was not done. */
  private settled(frame: TakenFrame, refusal?: { readonly thrown: unknown }): void {
    const { request } = frame;
    const kind = frame.frame.case;
    try {
      if (refusal) this.refused(request, confabErrorFrom(refusal.thrown));
      // A client can send any number of pongs, and they ask for nothing.
      else if (kind !== "pong") this.errors.giveBack();
      if (kind === "authenticate") {
        this.authenticating = undefined;
        this.authenticated();
      }
      this.inFlight--;
      this.updatePause();
      if (this.inFlight === 0) this.onAnswered?.();
    } catch (thrown) {
      // A bug in the answering of errors must end this session and nothing else.
      const error = confabErrorFrom(thrown);
      this.deps.report(error);
      this.channel.close(error);
      this.closed();
    }
  }

  /** A client that sends and never reads would otherwise grow our heap by its answers. */
  private block(): void {
    this.isBlocked = true;
    this.updatePause();
  }

  private updatePause(): void {
    const mustPause = this.isBlocked || this.inFlight >= this.deps.service.deps.limits.maxRequestsInFlight;
    if (mustPause === this.isPaused || this.isClosed) return;
    this.isPaused = mustPause;
    if (mustPause) this.channel.pause();
    else this.channel.resume();
  }
}

/** A goodbye to a client that is to come back, after a random wait of up to `reconnectWithinMs`. */
export function goodbyeOf(reason: ConfabError, reconnectWithinMs: number): Goodbye {
  return create(GoodbyeSchema, {
    reason: wireErrorFrom(reason),
    reconnectWithin: durationFromMs(reconnectWithinMs),
  });
}
