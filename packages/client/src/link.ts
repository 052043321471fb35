import type { ConfabError } from "@confab/contract";
import type { MessagePayload, PayloadConverter } from "./payload.js";

/** The transports a link may run on. `sse` reads by Server-Sent Events and does the rest by REST. */
export const transportNames = [
  "websocket-proto",
  "websocket-json",
  "websocket-plain",
  "grpc",
  "grpc-web",
  "connect",
  "sse",
] as const;

export type TransportName = (typeof transportNames)[number];

/**
 * One way to a server: every call that the contract has, over one transport. A link has no memory: it does not reconnect,
 * resume or send again, so that exactly one place above it can.
 *
 * A call uses the link's connection or makes one, so a link whose connection died is as good as new. Every error is a
 * `ConfabError`; `isNetworkFailure` tells those that no server sent.
 */
export interface Link {
  readonly transport: TransportName;
  /** Whether sends that overlap are appended in the order of their calls. */
  readonly keepsSendOrder: boolean;
  /** How long the server recognises a send that is repeated with its id, in milliseconds; undefined: it did not say so. */
  readonly dedupeWindowMs?: number | undefined;
  /** Whether `listen` can tell of signals and presence. */
  readonly hearsSignals: boolean;
  /**
   * Make the connection now, and make sure that a Confab server is there. Calls do not need it.
   *
   * @throws PROTOCOL_VIOLATION, UNKNOWN_PATH and the like: something else answers at this URL.
   */
  open(options?: CallOptions): Promise<void>;
  /**
   * Append a message to its room. Resolves once it is durable.
   *
   * @throws OUTCOME_UNKNOWN (retry with the same `id`): the connection was lost while the answer was awaited.
   */
  send(message: OutgoingMessage, options?: CallOptions): Promise<Ack>;
  /**
   * Append messages to one room, all of them or none. Resolves once they are durable, with one acknowledgement for each.
   *
   * @throws UNEXPECTED_POSITION: `expected` is not the newest position of the room. OUTCOME_UNKNOWN (retry with the same
   * `id` of each message): as `send`.
   */
  sendAll(batch: OutgoingBatch, options?: CallOptions): Promise<readonly Ack[]>;
  /**
   * Change a message that is in the log: edit it, delete it, or react to it. Resolves once that is durable.
   *
   * @throws OUT_OF_RANGE: there is no such message. MESSAGE_DELETED. OUTCOME_UNKNOWN (retry with the same `id`): as `send`.
   */
  change(change: OutgoingChange, options?: CallOptions): Promise<Ack>;
  /**
   * Read a room. Resolves once the server said where reading starts; see `Listening`.
   *
   * @throws UNKNOWN_METHOD: `onSignal` or `onPresence` is given, and the link does not hear signals.
   */
  listen(request: ListenRequest, options?: ListenOptions): Promise<Listening>;
  /** Read all rooms of a prefix. Undefined: the link's streams carry one room. */
  readonly listenPrefix?:
    | ((request: PrefixRequest, options: PrefixOptions) => Promise<AsyncIterable<ChatMessage>>)
    | undefined;
  history(request: HistoryRequest, options?: CallOptions): Promise<HistoryPage>;
  rooms(request?: RoomsRequest, options?: CallOptions): Promise<RoomsPage>;
  members(request: MembersRequest, options?: CallOptions): Promise<MembersPage>;
  /**
   * Mark how far a user has read a room. Resolves once it is durable, with the mark as it is now: it only moves forward.
   *
   * @throws OUT_OF_RANGE: the room has not come to the position. TOO_MANY_READ_MARKS.
   */
  markRead(request: MarkReadRequest, options?: CallOptions): Promise<ReadMark>;
  readMarks(request: ReadMarksRequest, options?: CallOptions): Promise<ReadMarksPage>;
  /** Tell a room's readers of something that is not kept. Resolves once the server took it. */
  signal(signal: OutgoingSignal, options?: CallOptions): Promise<void>;
  /**
   * Say anew who is connected, before the token that was given expires. Connections of frames are told at once, and this
   * resolves when the server took it; elsewhere it goes with every request from now on.
   */
  authenticate(token: string, options?: CallOptions): Promise<void>;
  /** Close the connection: listenings end, calls in progress fail. May be called twice. */
  close(): void;
}

/**
 * A room being read: iterate it once for its messages, in order.
 *
 * It ends when its signal aborts or the link closes, and fails with the error that ended it otherwise; going on is then
 * possible with `after` set to the last position seen. Leaving the loop stops reading.
 */
export interface Listening extends AsyncIterable<ChatMessage> {
  /**
   * Everything after this position follows. Known even when the room is empty. After a restore on the server it has another
   * epoch than the position that was asked for.
   */
  readonly position: string;
  /** Whether `after` was given, and everything since then follows. */
  readonly recovered: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From the call to its answer; 30,000 if undefined. The server is told, where the transport can say it. */
  readonly timeoutMs?: number | undefined;
}

export interface ListenOptions {
  /** Ends the listening, also while it begins. */
  readonly signal?: AbortSignal | undefined;
  /** Hears the room's signals, at most once each: what comes while the loop is too slow, or the connection lost, is lost. */
  readonly onSignal?: ((signal: IncomingSignal) => void) | undefined;
  /** Hears who else comes and goes, at most once each, as signals are. */
  readonly onPresence?: ((change: PresenceChange) => void) | undefined;
}

/** What all links are made with. */
export interface LinkOptions {
  /** `http://` or `https://`, host and port; a path is kept as a prefix. */
  readonly url: string;
  /** Converts payloads of your own types between their encoded form and JSON; they stay as they come if undefined. */
  readonly types?: PayloadConverter | undefined;
  /** Says who is connected, on every request or as the connection's first frame. */
  readonly token?: string | undefined;
  /**
   * Called when a connection is lost that the link holds between calls, before the calls on it fail. Links without one,
   * and readings that end, tell by the errors of their calls alone.
   */
  readonly onLost?: ((error: ConfabError) => void) | undefined;
}

export interface OutgoingMessage {
  readonly user: string;
  readonly text?: string | undefined;
  /** `lobby` if undefined. */
  readonly room?: string | undefined;
  /** The idempotency key; a random one if undefined. */
  readonly id?: string | undefined;
  readonly payload?: MessagePayload | undefined;
}

/** Messages of one room that are stored together or not at all. */
export interface OutgoingBatch {
  /** `lobby` if undefined. */
  readonly room?: string | undefined;
  /** At least one; the server bounds how many. The room of each is undefined or the batch's. */
  readonly messages: readonly OutgoingMessage[];
  /** Store them only if this is the newest position of the room; at whatever position if undefined. */
  readonly expected?: string | undefined;
}

/** A change of a message that is in the log. */
export type OutgoingChange = {
  readonly user: string;
  /** `lobby` if undefined. */
  readonly room?: string | undefined;
  /** Which message. */
  readonly position: string;
  /** The idempotency key of the change; a random one if undefined. */
  readonly id?: string | undefined;
} & (
  | { readonly kind: "edit"; readonly text?: string | undefined; readonly payload?: MessagePayload | undefined }
  | { readonly kind: "delete" }
  /** One emoji, or a short name such as `+1`; `removed`: it is taken back. */
  | { readonly kind: "react"; readonly emoji: string; readonly removed?: boolean | undefined }
);

/** The acknowledgement of a message: it is durable and has a position. */
export interface Ack {
  readonly id: string;
  readonly position: string;
  readonly sentAt: Date;
  /** It was stored before; nothing was appended. */
  readonly duplicate: boolean;
}

export interface ChatMessage {
  readonly user: string;
  readonly text: string;
  readonly room: string;
  readonly id: string;
  readonly position: string;
  readonly sentAt: Date;
  readonly payload?: MessagePayload | undefined;
  /** It was deleted or erased: it has no text and no payload any more. */
  readonly deleted?: boolean;
  /** It is not a message: it changes an earlier one. Only readers that ask for `changes` get it. */
  readonly change?: MessageChange;
  /** The last edit, in folded pages: text and payload are the edit's. */
  readonly edited?: Edited | undefined;
  /** In folded pages, of a message that has reactions: each in the order in which it was first given. */
  readonly reactions?: readonly ReactionView[];
}

export interface Edited {
  readonly user: string;
  readonly position: string;
  readonly at: Date;
}

export interface ReactionView {
  readonly emoji: string;
  /** How many users have it. */
  readonly count: number;
  /** Each once, in the order in which they reacted. A server names the first 100 of them. */
  readonly users: readonly string[];
}

/** What an entry of a room's log does to an earlier message. The new text and payload of an edit are the entry's own. */
export type MessageChange = {
  /** The position of the message. */
  readonly target: string;
} & (
  | { readonly kind: "edit" }
  | { readonly kind: "deletion" }
  | { readonly kind: "reaction"; readonly emoji: string; readonly removed: boolean }
  /** Of a server of a later version. */
  | { readonly kind: "unknown" }
);

/** Which messages are wanted: those that match each list that is not empty. At most 16 of each. */
export interface MessageFilter {
  readonly users?: readonly string[] | undefined;
  /** Full names of types, such as `acme.Order`; `-` for messages without a payload. */
  readonly payloadTypes?: readonly string[] | undefined;
}

export interface ListenRequest {
  readonly room?: string | undefined;
  /** Who reads; an unlisted reader if undefined. */
  readonly user?: string | undefined;
  /** The last position seen: what came after it follows, then live messages. Not together with `history`. */
  readonly after?: string | undefined;
  /** Begin with this many of the newest messages; 0..1000. Changes do not count. */
  readonly history?: number | undefined;
  /** Also read changes of messages: each offset of the log comes then. Otherwise those of changes are left out. */
  readonly changes?: boolean | undefined;
  /** Read only messages that pass, which alone count for `history`. Not together with `changes`. */
  readonly filter?: MessageFilter | undefined;
}

/** All rooms whose names begin with a prefix. */
export interface PrefixRequest {
  readonly prefix: string;
  /** Who reads; an unlisted reader if undefined. */
  readonly user?: string | undefined;
  /** The last position seen, by room. */
  readonly after?: ReadonlyMap<string, string> | undefined;
  /** Rooms that are not in `after` came into being since: they are read from their first message. */
  readonly resumed?: boolean | undefined;
  /** Rooms that begin with what comes from now on begin with so many of the newest messages; 0..1000. */
  readonly history?: number | undefined;
  readonly changes?: boolean | undefined;
}

export interface PrefixOptions extends Pick<ListenOptions, "signal" | "onSignal"> {
  /** A room has begun: everything after this position follows. */
  readonly onRoom: (room: string, position: string) => void;
  /**
   * A room has lost messages after the position that the request names; the iteration ends once all rooms have begun or
   * were refused, so that it can be resumed. What this throws ends the iteration.
   */
  readonly onGap: (error: ConfabError) => void;
  /** All rooms have begun that were there: from now on a resume may say `resumed`. */
  readonly onComplete: () => void;
}

export interface HistoryRequest {
  readonly room?: string | undefined;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  /** 1..1000; the server's default if undefined. */
  readonly limit?: number | undefined;
  /** With neither `after` nor `before`: the oldest page instead of the newest. */
  readonly oldestFirst?: boolean | undefined;
  /** Also changes of messages, which count for `limit`. */
  readonly changes?: boolean | undefined;
  /** Messages as they are at `newest` of the page, with `edited` and `reactions`. Not together with `changes`. */
  readonly folded?: boolean | undefined;
  /** Also ask where a reading begins that begins with this many of the newest messages: `start` of the page. */
  readonly history?: number | undefined;
  /** Only messages that pass. Not together with `changes`. */
  readonly filter?: MessageFilter | undefined;
}

export interface HistoryPage {
  /** Oldest first, whatever the direction. */
  readonly messages: readonly ChatMessage[];
  /** More follow in the direction that was read. They may all be changes, or not pass: then the next page may be empty. */
  readonly more: boolean;
  readonly oldest: string;
  readonly newest: string;
  /** Where a reading begins that begins with `history` of the newest messages, if that was asked. */
  readonly start?: string | undefined;
}

export interface RoomsRequest {
  readonly prefix?: string | undefined;
  readonly limit?: number | undefined;
  /** `nextPage` of the page before. */
  readonly page?: string | undefined;
  /** Whose `readMark` and `unread` each room says; none of them if undefined. */
  readonly reader?: string | undefined;
}

export interface RoomInfo {
  readonly name: string;
  readonly oldest: string;
  readonly newest: string;
  readonly messages: number;
  readonly members: number;
  readonly subscribers: number;
  /** How far the `reader` of the request has marked the room as read; offset 0 without a mark. */
  readonly readMark?: string;
  /** Messages after that, if there is a `readMark`. */
  readonly unread?: number;
}

export interface RoomsPage {
  readonly rooms: readonly RoomInfo[];
  /** Empty: this was the last page. */
  readonly nextPage: string;
}

export interface MembersRequest {
  readonly room?: string | undefined;
  readonly limit?: number | undefined;
  readonly page?: string | undefined;
}

export interface MembersPage {
  readonly members: readonly { readonly user: string; readonly connections: number }[];
  readonly nextPage: string;
  readonly total: number;
}

export interface MarkReadRequest {
  readonly user: string;
  readonly room?: string | undefined;
  /** Up to which entry. */
  readonly position: string;
}

/** How far a user has read a room. */
export interface ReadMark {
  readonly user: string;
  readonly room: string;
  /** Offset 0: the user has no mark. */
  readonly position: string;
  /** Messages after it that are in the log. */
  readonly unread: number;
  /** When the mark came there; undefined: the user has none. */
  readonly at: Date | undefined;
}

export interface ReadMarksRequest {
  readonly room?: string | undefined;
  /** The mark of this user alone; of all users if undefined. */
  readonly user?: string | undefined;
  readonly limit?: number | undefined;
  readonly page?: string | undefined;
}

export interface ReadMarksPage {
  /** By user. */
  readonly marks: readonly ReadMark[];
  /** Empty: this was the last page. */
  readonly nextPage: string;
}

export interface OutgoingSignal {
  readonly user: string;
  readonly room?: string | undefined;
  readonly kind: string;
  readonly position?: string | undefined;
  readonly payload?: MessagePayload | undefined;
}

/** An ephemeral event of a room: typing, a read marker, your own. */
export interface IncomingSignal {
  readonly user: string;
  readonly room: string;
  readonly kind: string;
  readonly position?: string | undefined;
  readonly payload?: MessagePayload | undefined;
}

/** A user's first subscription in a room, or the end of the last one. */
export interface PresenceChange {
  readonly room: string;
  readonly user: string;
  readonly present: boolean;
  /** How many members the room has after it. Who knows of another number has missed something. */
  readonly members: number;
}
