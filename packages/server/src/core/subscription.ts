import type { BodyFilter, ConfabError, Position } from "@confab/contract";
import type { Share } from "../work/index.js";
import type { PresenceChange, Signal } from "./ports.js";
import type { RoomId } from "./room-id.js";
import type { Run } from "./run.js";
import type { Tail } from "./tail.js";

/**
 * How some transport writes a run of messages: one object for all subscribers that want the same bytes, so that a run is
 * encoded once for all of them. Compared by identity.
 */
export interface Encoding {
  readonly name: string;
  /** The bytes of a run of this room, ready for the socket. They are shared: nobody may write to them. */
  encode(room: RoomId, epoch: number, run: Run): Uint8Array;
}

/** How a transport that has a form for them writes events that are not in the log. Compared by identity, like `Encoding`. */
export interface EventEncoding {
  /** `members`: how many the room has after this change. The bytes of several changes may be written in one go. */
  presence(change: PresenceChange, members: number): Uint8Array;
  signal(signal: Signal): Uint8Array;
}

/** What a sink is told beside messages. */
export interface EventSink {
  readonly encoding: EventEncoding;
  readonly wantsPresence: boolean;
  readonly wantsSignals: boolean;
  /** Take bytes to the socket, or drop them if it is full. Called without its object. */
  readonly write: (bytes: Uint8Array) => void;
}

/** Where a subscription's bytes go: one stream or socket of a transport. */
export interface Sink {
  readonly encoding: Encoding;
  /** Of the connection that it is on: its readers together take turns with those of other connections. */
  readonly share: Share;
  /**
   * Take bytes to the socket; they are always taken. False once more than `maxQueuedBytes` wait: the subscription then
   * leaves the fan-out, and whoever owns the sink calls `Subscription.drained()` when the socket has emptied.
   */
  write(bytes: Uint8Array): boolean;
  /** Bytes that wait for its socket; undefined: it does not know. */
  readonly queuedBytes?: number;
  /** The subscription has passed entries that it does not want: its position is another one, and there is nothing to write. */
  passed?(): void;
  /** The server ends the subscription. Not called after `Subscription.close()`. */
  ended(error: ConfabError): void;
  readonly events?: EventSink;
}

/** What a subscription and the catching up need of a room. */
export interface ReadableRoom {
  readonly id: RoomId;
  readonly epoch: number;
  /** The last offset that went through the fan-out. */
  readonly top: number;
  readonly tail: Tail;
  catchUp(subscription: Subscription): void;
  goLive(subscription: Subscription): void;
  /** The reader is ahead of the fan-out: it goes on catching up when the top has moved. */
  awaitTop(subscription: Subscription): void;
  /** The log turned out to be another one: the room is compared with it soon. */
  interrupted(): void;
  leave(subscription: Subscription): void;
  stopPresence(subscription: Subscription): void;
  expel(subscription: Subscription, error: ConfabError): void;
}

/**
 * One reader of one room.
 *
 *              cursor reached the room's top
 *   catching-up ──────────────────────────► live
 *    ▲    │                                  │
 *    │    └──── socket full ──► lagging ◄────┘ socket full
 *    │                             │
 *    └──────── drained() ──────────┘          any state ──► closed
 *
 * While live it has no cursor of its own: it has been given everything up to the room's top. In the other states `cursor`
 * is the last offset it was given, nothing is queued for it, and it costs nothing but this object.
 */
export class Subscription {
  state: "catching-up" | "live" | "lagging" | "closed" = "catching-up";
  /** Called once, when the state becomes `closed` for whatever reason. */
  onClosed: (() => void) | undefined;
  /** Whether it is told who comes and goes. */
  isToldPresence: boolean;
  /** With a filter: nothing that passes is known of from this offset to the cursor; not kept up while live. */
  quietFrom: number;

  constructor(
    readonly room: ReadableRoom,
    readonly sink: Sink,
    /** Empty: a reader that is not listed. */
    readonly user: string,
    /** The last offset that was given to the sink; not kept up while live. */
    public cursor: number,
    /** Whether it is given changes of messages, too. Otherwise they are passed over. */
    readonly wantsChanges = false,
    /** Which messages it is given, with `wantsChanges` false; undefined: all. Readers of a room with the same one share it. */
    readonly filter?: BodyFilter | undefined,
  ) {
    this.quietFrom = cursor + 1;
    this.isToldPresence = sink.events?.wantsPresence ?? false;
  }

  /** The last message that was given to the sink, or where reading began; also after the end. */
  get position(): Position {
    const { epoch, top } = this.room;
    return { epoch, offset: this.state === "live" ? top : this.cursor };
  }

  /** The sink's socket has emptied. Harmless in every state. */
  drained(): void {
    if (this.state !== "lagging") return;
    this.state = "catching-up";
    this.room.catchUp(this);
  }

  /** Say no more who comes and goes. The rest goes on. Harmless in every state. */
  stopPresence(): void {
    this.isToldPresence = false;
    this.room.stopPresence(this);
  }

  /** The server ends it: the sink is told why. Harmless when it is closed. */
  end(error: ConfabError): void {
    this.room.expel(this, error);
  }

  /** The reader is gone. May be called twice. */
  close(): void {
    this.room.leave(this);
  }
}
