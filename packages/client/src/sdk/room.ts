import type {
  Ack,
  CallOptions,
  ChatMessage,
  HistoryPage,
  HistoryRequest,
  IncomingSignal,
  MembersPage,
  MembersRequest,
  OutgoingChange,
  OutgoingSignal,
  ReadMark,
  ReadMarksPage,
  ReadMarksRequest,
} from "../link.js";
import type { MessagePayload } from "../payload.js";
import type { Calls } from "./calls.js";
import {
  batchedChecks,
  callback,
  callChecks,
  check,
  checkValue,
  editChecks,
  hearChecks,
  historyChecks,
  list,
  markChecks,
  membersChecks,
  messageChecks,
  reactChecks,
  readChecks,
  readMarksChecks,
  sendAllChecks,
  sendChecks,
  signalChecks,
  text,
  viewChecks,
} from "./checks.js";
import type { MessageView } from "./fold.js";
import type { Outbox, SendOptions } from "./outbox.js";
import { type Overflow, overheard } from "./overheard.js";
import type { Presence } from "./presence.js";
import type { ReadMarker } from "./read-marker.js";
import { type ReadDeps, type ReadingOptions, type ReadOptions, RoomReading } from "./room-reading.js";
import { type MessageHandler, type Subscription, subscribe } from "./subscription.js";

/** What to say, where a text alone does not do. */
export interface RoomMessage {
  readonly text?: string | undefined;
  readonly payload?: MessagePayload | undefined;
  /** The client's user if undefined. */
  readonly user?: string | undefined;
}

export interface RoomSendOptions extends SendOptions {
  /** The idempotency key; a random one if undefined. */
  readonly id?: string | undefined;
}

export interface MarkOptions {
  /** Who has read; the client's user if undefined. */
  readonly user?: string | undefined;
}

/** One of several messages that are sent together. */
export interface BatchedMessage extends RoomMessage {
  /** The idempotency key of this message; a random one if undefined. */
  readonly id?: string | undefined;
}

export interface SendAllOptions extends SendOptions {
  /** Store them only if this is the room's newest position: `newest` of `history`, or the position of what was sent last. */
  readonly expected?: string | undefined;
}

export type ViewRequest = Pick<HistoryRequest, "after" | "before" | "limit" | "oldestFirst" | "filter">;

export interface RoomView extends HistoryPage {
  readonly messages: readonly MessageView[];
}

export interface ChangeOptions extends RoomSendOptions {
  /** Who changes the message; the client's user if undefined. */
  readonly user?: string | undefined;
}

export interface ReactOptions extends ChangeOptions {
  /** Take the reaction back. */
  readonly removed?: boolean | undefined;
}

export type RoomSignal = Omit<OutgoingSignal, "room" | "user"> & { readonly user?: string | undefined };

/** What a room fills in is left out. */
type ChangeOf<Change> = Change extends unknown ? Omit<Change, "room" | "user" | "id"> : never;

export interface HearOptions {
  /** Who listens; nobody in particular if undefined. */
  readonly user?: string | undefined;
  /** Ends it, without an error. */
  readonly signal?: AbortSignal | undefined;
}

export interface RoomDeps {
  readonly user: string | undefined;
  readonly outbox: Outbox;
  readonly calls: Calls;
  readonly marker: ReadMarker;
  readonly reading: ReadDeps;
}

/** One room, through a client. Costs nothing until it is used; any number may stand for the same room. */
export class Room {
  constructor(
    readonly name: string,
    private readonly deps: RoomDeps,
  ) {}

  /**
   * Say something. Resolves once it is durable; waits through lost connections, and sends again with the same id.
   *
   * Order: the sends of one room are appended in the order of these calls, except that what the server refuses for now
   * (OVERLOADED, say) may be overtaken by what was on its way already.
   *
   * @throws TOO_MANY_REQUESTS: too many sends wait. Any final error of the server. CANCELLED, DEADLINE_EXCEEDED: given up;
   * it may have been stored.
   */
  async send(message: string | RoomMessage, options: RoomSendOptions = {}): Promise<Ack> {
    const said = typeof message === "string" ? { text: message } : message;
    check("send: message", said, messageChecks);
    check("send", options, sendChecks);
    const { text, payload, user = this.deps.user ?? "" } = said;
    return this.deps.outbox.send({ room: this.name, user, text, payload, id: options.id }, options);
  }

  /**
   * Say several things at once: all of them are stored, with positions that follow each other, or none is. Resolves once they
   * are durable, with one acknowledgement for each. It is sent again as `send` is, and has its place in the same order.
   *
   * @throws UNEXPECTED_POSITION: `expected` is not the newest position; the error's `facts.range` has the room's range.
   * INVALID_MESSAGE: one of them is bad, or there are more than the server's `maxBatchMessages`. Otherwise as `send`.
   */
  async sendAll(messages: readonly (string | BatchedMessage)[], options: SendAllOptions = {}): Promise<readonly Ack[]> {
    checkValue("sendAll: messages", messages, list);
    check("sendAll", options, sendAllChecks);
    const said = messages.map((message, index) => {
      const one: BatchedMessage = typeof message === "string" ? { text: message } : message;
      check(`sendAll: messages[${index}]`, one, batchedChecks);
      const { text, payload, id, user = this.deps.user ?? "" } = one;
      return { user, text, payload, id };
    });
    const { expected } = options;
    return this.deps.outbox.sendAll({ room: this.name, messages: said, expected }, options);
  }

  /**
   * Change what a message says. Resolves once it is durable. It is sent again as `send` is, and has its place in the same order.
   *
   * @param position of the message: `ChatMessage.position`, or that of its acknowledgement.
   * @throws OUT_OF_RANGE: there is no such message. MESSAGE_DELETED. PERMISSION_DENIED: it is another user's. Otherwise as
   * `send`.
   */
  async edit(position: string, message: string | RoomMessage, options: RoomSendOptions = {}): Promise<Ack> {
    const said = typeof message === "string" ? { text: message } : message;
    check("edit: message", said, messageChecks);
    check("edit", options, sendChecks);
    const { text, payload, user } = said;
    return this.change({ kind: "edit", position, text, payload }, { ...options, user });
  }

  /** Delete a message: no reader gets its text from then on. Otherwise as `edit`. */
  async delete(position: string, options: ChangeOptions = {}): Promise<Ack> {
    check("delete", options, editChecks);
    return this.change({ kind: "delete", position }, options);
  }

  /** React to a message, or take a reaction back. Otherwise as `edit`. @param emoji one, or a short name such as `+1`. */
  async react(position: string, emoji: string, options: ReactOptions = {}): Promise<Ack> {
    checkValue("react: emoji", emoji, text);
    check("react", options, reactChecks);
    return this.change({ kind: "react", position, emoji, removed: options.removed }, options);
  }

  /**
   * The room's messages, each once and in order, through lost connections. Iterate it once; leaving the loop stops it.
   *
   * It ends when the signal aborts or the client is closed. It fails with OUT_OF_RANGE (see `ReadOptions.onGap`), with
   * another final error of the server, or with the error that the client closed with.
   *
   * @throws TypeError, at once: an option is of the wrong type or out of its range.
   */
  messages(options: ReadOptions = {}): AsyncIterable<ChatMessage> & { readonly position: string | undefined } {
    check("messages", options, readChecks);
    return new RoomReading(this.name, this.reader(options), this.deps.reading);
  }

  /** `messages`, given to a function. */
  subscribe(handler: MessageHandler, options: ReadOptions = {}): Subscription {
    checkValue("subscribe: handler", handler, callback);
    check("subscribe", options, readChecks);
    return subscribe(handler, this.name, this.reader(options), this.deps.reading);
  }

  /**
   * The room's signals, each at most once, through lost connections: those that come meanwhile are lost, and the oldest are
   * if more than 1,000 wait to be taken. Iterate it once; leaving the loop stops it.
   *
   * It takes a subscription of its own, which gets the messages too and drops them: whoever reads the room as well has
   * them for nothing by `ReadOptions.onSignal`.
   *
   * @throws UNKNOWN_METHOD: the transport carries messages only (`Link.hearsSignals`). Otherwise as `messages`.
   */
  signals(options?: HearOptions): AsyncIterable<IncomingSignal> {
    return this.overheard("signals", options, "forget", (onSignal: (signal: IncomingSignal) => void) => ({ onSignal }));
  }

  /**
   * Who is in the room: at first and after every lost connection a `members` event, which says all anew, then who comes
   * and goes. The one who asks is listed only if they read or `user` says so. Otherwise as `signals`, except that it fails
   * with TOO_MANY_REQUESTS if more than 1,000 events wait to be taken.
   */
  presence(options?: HearOptions): AsyncIterable<Presence> {
    return this.overheard("presence", options, "fail", (onPresence: (presence: Presence) => void) => ({ onPresence }));
  }

  async history(request: Omit<HistoryRequest, "room"> = {}, options: CallOptions = {}): Promise<HistoryPage> {
    check("history", request, historyChecks);
    check("history", options, callChecks);
    return this.deps.calls.read((link, bounds) => link.history({ ...request, room: this.name }, bounds), options);
  }

  /**
   * A page of messages as they are now, with edits and reactions: what `fold` makes of all entries up to `newest` of the page.
   * `messages({ changes: true, after: page.newest })` goes on from there, for `fold(entries, page.messages)`.
   */
  async view(request: ViewRequest = {}, options: CallOptions = {}): Promise<RoomView> {
    check("view", request, viewChecks);
    const page = await this.history({ ...request, folded: true }, options);
    return { ...page, messages: page.messages.map((message) => ({ ...message, reactions: message.reactions ?? [] })) };
  }

  async members(request: Omit<MembersRequest, "room"> = {}, options: CallOptions = {}): Promise<MembersPage> {
    check("members", request, membersChecks);
    check("members", options, callChecks);
    return this.deps.calls.read((link, bounds) => link.members({ ...request, room: this.name }, bounds), options);
  }

  /**
   * Mark the room as read up to a position, which only moves forward: up to the newest message that this client has given out, if
   * none is named. Resolves with the mark as it is then, or with undefined where no message was given out. Calls that come
   * while one is on its way are told as one; after a lost connection it is told again.
   *
   * @throws OUT_OF_RANGE: the room has not come to the position. TOO_MANY_READ_MARKS. CANCELLED: the client was closed.
   */
  async markRead(position?: string, options: MarkOptions = {}): Promise<ReadMark | undefined> {
    if (position !== undefined) checkValue("markRead: position", position, text);
    check("markRead", options, markChecks);
    return this.deps.marker.mark(this.name, options.user ?? this.deps.user ?? "", position);
  }

  /** Who has read the room how far, by user; or one user's mark alone. */
  async readMarks(request: Omit<ReadMarksRequest, "room"> = {}, options: CallOptions = {}): Promise<ReadMarksPage> {
    check("readMarks", request, readMarksChecks);
    check("readMarks", options, callChecks);
    return this.deps.calls.read((link, bounds) => link.readMarks({ ...request, room: this.name }, bounds), options);
  }

  /** Tell the readers of something that is not kept. At most once: what a lost connection takes with it stays lost. */
  async signal(signal: RoomSignal, options: CallOptions = {}): Promise<void> {
    check("signal", signal, signalChecks);
    check("signal", options, callChecks);
    const { user = this.deps.user ?? "" } = signal;
    return this.deps.calls.once((link, bounds) => link.signal({ ...signal, user, room: this.name }, bounds), options);
  }

  /** Tell the readers that the user is writing. */
  typing(options?: CallOptions): Promise<void> {
    return this.signal({ kind: "typing" }, options);
  }

  private change(change: ChangeOf<OutgoingChange>, options: ChangeOptions): Promise<Ack> {
    checkValue(`${change.kind}: position`, change.position, text);
    const { user = this.deps.user ?? "", id } = options;
    return this.deps.outbox.change({ ...change, room: this.name, user, id }, options);
  }

  private overheard<T>(
    what: string,
    hearing: HearOptions | undefined,
    overflow: Overflow,
    optionsFor: (tell: (event: T) => void) => ReadOptions,
  ): AsyncIterable<T> {
    check(what, hearing ?? {}, hearChecks);
    const { user = "", signal } = hearing ?? {};
    const begin = (tell: (event: T) => void, ends: AbortSignal) => {
      const options: ReadingOptions = { ...optionsFor(tell), user, signal: ends, isFromNow: true };
      return new RoomReading(this.name, options, this.deps.reading);
    };
    return overheard(begin, overflow, signal);
  }

  private reader(options: ReadOptions): ReadOptions {
    return { ...options, user: options.user ?? this.deps.user };
  }
}
