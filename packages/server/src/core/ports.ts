import type { ConfabError, Payload, Position } from "@confab/contract";
import type { LogEntry } from "./blocks.js";
import type { Lineage } from "./lineage.js";
import type { KeptBounds, Retention } from "./retention.js";
import type { RoomId } from "./room-id.js";
import type { RoomFound } from "./room-watchers.js";
import type { PageBounds, Run } from "./run.js";
import type { ScanningShare } from "./scanning-share.js";

/** A value now or later: the embedded engine answers at once, a networked one cannot. */
export type Eventually<T> = T | Promise<T>;

export interface NewEntry {
  readonly body: Uint8Array;
  readonly sentAtMs: number;
  /**
   * What makes two sends the same one within a room; undefined: this send is like no other. It has the name of a user in it: an
   * engine keeps a digest, since it stays when the entry is erased.
   */
  readonly dedupeKey: string | undefined;
  /**
   * Why it may not be the first entry of a room, which is rejected with this then; undefined: it may. Entries that were
   * appended before it count, also those that are not durable yet.
   */
  readonly refuseFirst?: (() => ConfabError) | undefined;
  /**
   * It is about this entry, and says nothing in a log that does not have it, because the room was removed or lost its end: there it is
   * rejected as by `refuseFirst`, which it has. Trimmed entries count as there.
   */
  readonly about?: Position | undefined;
}

export interface Appended {
  readonly position: Position;
  /** The entry's own, or the first one's if this is a duplicate. */
  readonly sentAtMs: number;
  readonly isDuplicate: boolean;
}

/** What a room's log holds. With `messages` 0, `oldest` is `newest + 1`; a room nobody wrote to has `newest` 0. */
export interface RoomState extends Lineage {
  readonly oldest: number;
  readonly newest: number;
  readonly messages: number;
}

export interface LogPage extends RoomState {
  readonly run: Run;
}

/** How many messages of a room an engine erases at once. An embedded one reads a block for each in one commit. */
export const maxErasedTogether = 128;

/** The durable order of every room's messages. */
export interface RoomLog {
  /**
   * Append one entry. Resolves once it is durable, and after it has been given to the bus.
   *
   * Order: calls for one room apply in call order. Offsets start at 1 and grow by 1. Not cancellable.
   *
   * @throws STORAGE_FULL, OVERLOADED, ENGINE_UNAVAILABLE, TOO_MANY_ROOMS, and of `refuseFirst`: nothing was stored. While the
   * log is full, a networked engine may say STORAGE_FULL also of an entry that is stored already.
   * @throws NEWER_FORMAT, as the readings: a later version has taken the room over, and this one cannot read it.
   * @throws OUTCOME_UNKNOWN: it may have been stored; the same dedupe key finds out.
   */
  append(room: RoomId, entry: NewEntry): Promise<Appended>;
  /**
   * Append entries together: those that are new get offsets that follow each other, or none is stored. An entry may be a
   * duplicate of one before it. Otherwise as `append`.
   *
   * `expected`: store them only if this is the newest position of the room, entries included that were appended before these.
   * A position of an earlier epoch counts as what it stands for now. It is not asked if all are duplicates.
   *
   * @throws UNEXPECTED_POSITION with what the room holds: nothing was stored. OVERLOADED counts all entries.
   */
  appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]>;
  /**
   * Put other bodies, which say less, in the place of those of messages: all of them, or none. Resolves once it is durable. From
   * then on the log gives the old bodies to no reader, and listeners of all nodes are told (`RoomListener.erased`). An
   * engine that has files overwrites the old bodies there soon after. What it costs may grow with the room: so messages of one room
   * are given together, and it is done in turns then.
   *
   * @param bodies the new ones, at most `maxErasedTogether`. Offsets are those of `epoch`, each once, rising.
   * @param share whose turns are taken, and who is charged, where the cost grows with the room; undefined: the server's own.
   * @throws CANCELLED: the share is over, and nothing was stored.
   * @throws OUT_OF_RANGE: one of the messages is not there. DATA_LOSS, STORAGE_FULL, OVERLOADED, ENGINE_UNAVAILABLE: nothing
   * was stored. OUTCOME_UNKNOWN: it may have been stored; the same again is as good as once.
   */
  erase(room: RoomId, epoch: number, bodies: readonly LogEntry[], share?: ScanningShare): Promise<void>;
  /**
   * Remove a room: its entries, its dedupe keys and all else that is kept of it, and what is confirmed of it to receivers. All of it
   * or nothing, also if this is killed. Resolves once it is durable, with how many entries the room had; 0: there was no
   * such room. Listeners of all nodes are told (`RoomListener.interrupted`), and the room's next entry is in an epoch that it
   * did not have before. An engine that has files overwrites what it had there soon after.
   *
   * Order: what is being appended to the room at the same time is removed, or is the beginning of the next log. Not cancellable.
   *
   * @throws ENGINE_UNAVAILABLE, OVERLOADED: nothing was removed. NEWER_FORMAT. OUTCOME_UNKNOWN: the same again finds out.
   */
  remove(room: RoomId): Promise<number>;
  /**
   * Give a room its own bounds, instead of those that it had. Each counts where it is narrower than that of the configuration.
   * Resolves once it is durable; all nodes keep to it from then on, and what is beyond a bound goes soon, also without an append.
   * They go with the room.
   *
   * @throws OUT_OF_RANGE: the room has no entry. What `remove` throws.
   */
  setRetention(room: RoomId, retention: Retention): Promise<void>;
  /** The room's own bounds, none if it has none or is not there, and those that hold. @throws what reading throws */
  retentionOf(room: RoomId): Eventually<KeptBounds>;
  state(room: RoomId): Eventually<RoomState>;
  /**
   * The entries that follow `after`, oldest first. Trimmed ones are missing at the front: compare `oldest`.
   *
   * @throws DATA_LOSS: the next of them cannot be read; the error has the last offset of what is damaged as `last`, if that is known.
   */
  readForward(room: RoomId, after: number, bounds: PageBounds): Eventually<LogPage>;
  /** The last entries before `before`, oldest first. */
  readBackward(room: RoomId, before: number, bounds: PageBounds): Eventually<LogPage>;
  /** Rooms by name that begin with `prefix` and come after `after`, at most `limit`; without those of NEWER_FORMAT. */
  list(prefix: string, after: string, limit: number): Eventually<readonly RoomSummary[]>;
}

/** The part of a log that is read. */
export type ReadableLog = Omit<RoomLog, "append" | "appendAll" | "erase" | "remove" | "setRetention" | "retentionOf">;

export interface RoomSummary extends RoomState {
  readonly room: RoomId;
}

/** An ephemeral event of a room. */
export interface Signal {
  readonly user: string;
  readonly room: RoomId;
  readonly kind: string;
  readonly position?: Position | undefined;
  readonly payload?: Payload | undefined;
}

/** A user's first subscription in a room, or the end of the last one, over all nodes. */
export interface PresenceChange {
  readonly room: RoomId;
  readonly user: string;
  readonly isPresent: boolean;
}

export interface RoomListener {
  /** New entries of one epoch, in the order of the log. Some may be missing (a lossy bus) or known already: offsets tell. */
  entries(epoch: number, run: Run): void;
  /** Something of the room may have been missed, or its log was replaced: to be compared with the log now. */
  interrupted(): void;
  /** Messages of the room have other bodies in the log than before: what is kept of them in memory must go. */
  erased(): void;
  signal(signal: Signal): void;
  /** Who came and went, in that order, and how many members the room has after it. At most once, like a signal. */
  presence(changes: readonly PresenceChange[], members: number): void;
}

/** How a node hears of what happens in a room. */
export interface RoomBus {
  /** Resolves once everything appended from now on will be heard. The result ends it. */
  watch(room: RoomId, listener: RoomListener): Eventually<() => void>;
  /** At most once, to every listener on every node. */
  signal(signal: Signal): void;
  /**
   * Be notified of each room that gets its first message once this has resolved, if its name begins with `prefix`; also of one that
   * has gone away and is made again. Usually within a second, and never too late: what a network loses is found out later.
   *
   * `found` may be called again for a room, for rooms that were there before, and for rooms that have no message yet: the log
   * knows. It returns at once, and never throws. The result ends it, and may be called twice.
   *
   * @throws ENGINE_UNAVAILABLE
   */
  watchRooms(prefix: string, found: RoomFound): Eventually<() => void>;
}

export interface Member {
  readonly user: string;
  /** Open subscriptions of this user in the room, on all nodes; at least 1. */
  readonly connections: number;
}

/** Told that a room is read now, or is not read any more. */
export type OccupancyListener = (room: RoomId, isOccupied: boolean) => void;

export interface MemberCounts {
  /** Distinct users. */
  readonly members: number;
  /** Open subscriptions, members' and others'. */
  readonly subscribers: number;
}

/**
 * Who reads which room, on all nodes. This node tells of its own subscriptions; first in and last out over all nodes are
 * given to the bus, `RoomListener.presence`, in rooms of at most `maxPresenceEventMembers` members.
 *
 * Counts and pages are of the past by the time a networked engine has answered, and this node's own changes may be a
 * moment late in them. A node that dies takes its members along.
 */
export interface MemberDirectory {
  /** A subscription of this node begins. User "": a reader that is counted and not listed. Never fails, and returns at once. */
  enter(room: RoomId, user: string): void;
  /** A subscription that was entered ends. */
  leave(room: RoomId, user: string): void;
  /**
   * From now on `changed` is told when a room gets its first subscription over all nodes, listed or not, and when it loses its
   * last one. Each change is reported on one node, at most once: not if that dies just then. To be called once, before `enter`.
   * Only the hooks `occupied` and `vacated` need it.
   */
  watchOccupancy?(changed: OccupancyListener): void;
  /** In the order of `rooms`. @throws ENGINE_UNAVAILABLE */
  counts(rooms: readonly RoomId[]): Eventually<readonly MemberCounts[]>;
  /**
   * Members whose names come after `after` in the order of their code points, at most `limit`.
   *
   * @throws ENGINE_UNAVAILABLE, NEWER_FORMAT
   */
  page(room: RoomId, after: string, limit: number): Eventually<readonly Member[]>;
}

/** Tokens that are refused although they have not expired: one by its id, those of a user, or all of them. */
export interface Revocation {
  /** Empty: it is not about one token. */
  readonly tokenId: string;
  /** Empty: of all users. */
  readonly user: string;
  /** Tokens that were issued before this time; milliseconds since 1970. 0 with `tokenId`. */
  readonly issuedBeforeMs: number;
  /** When it may be forgotten; milliseconds since 1970. */
  readonly untilMs: number;
}

/** What has changed of that, as it is now: `removed` is over. */
export interface RevocationChange {
  readonly added: readonly Revocation[];
  readonly removed: readonly Revocation[];
}

/** What was revoked, over all nodes. */
export interface RevocationLog {
  /** What holds, as far as this node knows; some may be over. Complete once `watch` has resolved. */
  all(): readonly Revocation[];
  /** Of the same, at most so many by key (`revocationKey`), from the first one after `after`. */
  page(after: string, count: number): readonly Revocation[];
  /** Whether there is one about the same tokens. */
  has(revocation: Revocation): boolean;
  /** How many hold at this time. Those that are over are forgotten. */
  count(nowMs: number): number;
  /**
   * Resolves once `all` has what holds. From then on it has what other nodes add within a second, and `changed` is called
   * after each change. To be called once.
   *
   * @throws ENGINE_UNAVAILABLE
   */
  watch(changed: (change: RevocationChange) => void): Eventually<void>;
  /**
   * Part of `all` here at once, whatever becomes of it. Resolves once it is durable, joined with what was revoked of the same
   * tokens on any node.
   *
   * @throws STORAGE_FULL, ENGINE_UNAVAILABLE, OUTCOME_UNKNOWN: it may not be stored, and holds until this node stops.
   */
  add(revocation: Revocation): Promise<void>;
  /** How long ago it was last known what other nodes revoked, in milliseconds. */
  staleMs(): number;
}

/** Answers a question that a node has asked, in text of at most `maxNodeAnswerBytes`; rejects: it has no answer. */
export type NodeAnswerer = (question: string) => Promise<string>;

/** By the names of the nodes, rising. */
export interface NodeAnswers {
  readonly answers: readonly { readonly node: string; readonly answer: string }[];
  /** Nodes that live, as far as is known, and gave no answer in time. They may have received the question. */
  readonly silent: readonly string[];
}

/** The nodes that share an engine, for questions that each of them answers for itself. */
export interface Nodes {
  /** How this node answers. To be called once, before `ask`. */
  answerBy(answerer: NodeAnswerer): void;
  /**
   * Ask every node that lives, this one included; or the one of a name that an earlier answer came with. Resolves when all
   * have answered, and after `nodeAnswerTimeoutMs` at the latest. A node is asked at most once.
   *
   * @throws ENGINE_UNAVAILABLE: which nodes live is not known, and none was asked. OVERLOADED: too many questions wait for answers.
   */
  ask(question: string, node?: string): Promise<NodeAnswers>;
}

/** Told by an outbox while this node is the one that delivers. */
export interface OutboxListener {
  /** The room may hold messages beyond its cursor. */
  undelivered(room: RoomId): void;
  /** Another node may deliver from now on. */
  ended(): void;
}

/**
 * How far a receiver of stored messages is. Every entry of a room beyond its cursor is undelivered, whichever node stored it
 * and whatever became of that node: nothing needs to be marked that a crash could lose.
 */
export interface Outbox {
  /**
   * Begin. The listener gets every room with something undelivered, and from then on rooms with new entries. One node delivers at
   * a time; another one takes over within 10 seconds of its end. To be called once.
   */
  follow(listener: OutboxListener): void;
  /** Tell the listener of every room with something undelivered again. Returns at once. */
  scan(): void;
  /** Up to where the room is confirmed; undefined: nothing of it is. @throws ENGINE_UNAVAILABLE */
  cursor(room: RoomId): Eventually<Position | undefined>;
  /**
   * The receiver has the room's entries up to this position. After a crash it may be as if the last second's were not confirmed.
   *
   * @throws ENGINE_UNAVAILABLE: it is not confirmed, or another node delivers.
   */
  confirm(room: RoomId, position: Position): Eventually<void>;
  /** Store what is confirmed, and let another node deliver. */
  close(): Promise<void>;
}

/** A deletion that has begun: its entry may be in the log, and the text of its message too. */
export interface BegunDeletion {
  readonly room: RoomId;
  /** The message. */
  readonly target: Position;
}

/** Deletions that have begun on any node and are not known to be finished. */
export interface DeletionNotes {
  /** Again for the same one, its time begins again. Resolves once it is durable. @throws as an append does. */
  put(deletion: BegunDeletion): Promise<void>;
  /** It is finished. Whatever this rejects with, one that stays is only looked at again. */
  remove(deletion: BegunDeletion): Promise<void>;
  /**
   * At most `limit` of those that no node has put or taken for `ageMs`, and those of an embedded engine's earlier processes.
   * They are taken by that.
   *
   * @throws ENGINE_UNAVAILABLE
   */
  take(ageMs: number, limit: number): Eventually<readonly BegunDeletion[]>;
}

/** How far a user has read a room. */
export interface ReadMark {
  readonly user: string;
  /** Of the room's epoch now. */
  readonly position: Position;
  /** How many changes of messages the log has had up to the position; undefined: that is not known any more. */
  readonly changes: number | undefined;
  /** When the mark came to the position; milliseconds since 1970. */
  readonly atMs: number;
}

/** How many changes of messages the log of a room has had, in all and of those that were trimmed. Trimming does not lower them. */
export interface ChangeCounts {
  readonly all: number;
  readonly trimmed: number;
}

/** Marks of a room, and what they are compared with: all of one moment. */
export interface MarkedRoom {
  readonly state: RoomState;
  readonly changes: ChangeCounts;
  readonly marks: readonly ReadMark[];
}

/** A mark that was to be moved, as it is now. */
export interface MovedMark extends MarkedRoom {
  readonly mark: ReadMark;
  /** False: it was there already, or further. */
  readonly isMoved: boolean;
}

/** One mark for each room and user. It only moves forward, and goes away with its room. */
export interface ReadMarks {
  /** The mark that a user has in each of these rooms, one or none. In the order of `rooms`. @throws ENGINE_UNAVAILABLE, NEWER_FORMAT */
  of(user: string, rooms: readonly RoomId[]): Eventually<readonly MarkedRoom[]>;
  /**
   * The marks that come after the one of the user `after`, or would if it has none; empty: from the beginning. At most `limit`, in an order that
   * stays. @throws as `of`
   */
  page(room: RoomId, after: string, limit: number): Eventually<MarkedRoom>;
  /**
   * Move a user's mark to a position, unless it is there already or further. Resolves once it is durable.
   *
   * @throws OUT_OF_RANGE: the log never had an entry there. TOO_MANY_READ_MARKS: the room has `maxReadMarksPerRoom`. STORAGE_FULL:
   * there is no room for another mark. OVERLOADED, ENGINE_UNAVAILABLE: nothing was stored. OUTCOME_UNKNOWN.
   */
  move(room: RoomId, mark: ReadMark): Promise<MovedMark>;
  /** Remove the marks that a user has in these rooms. Resolves once that is durable. @throws as `move` */
  remove(user: string, rooms: readonly RoomId[]): Promise<void>;
}

/** Where rooms are kept: one per server. */
export interface Engine {
  readonly log: RoomLog;
  readonly marks: ReadMarks;
  readonly bus: RoomBus;
  readonly members: MemberDirectory;
  readonly revocations: RevocationLog;
  /** Without it a deletion that a crash has cut is finished only by its repetition. */
  readonly deletions?: DeletionNotes | undefined;
  /** Undefined: this node has the engine for itself. */
  readonly nodes?: Nodes | undefined;
  /**
   * How far the receiver of this name is: letters, digits and `-`. To be called once for a name. Without it the engine does nothing for
   * receivers. Only the hook `stored` needs it.
   */
  outbox?(name: string): Outbox;
  /**
   * Free the files of what was erased, deleted or trimmed before, now. Resolves, once that is done, to what others have to do for the
   * same; empty: nothing.
   *
   * @throws ENGINE_UNAVAILABLE: it could not be done, and is tried again by itself. SHUTTING_DOWN
   */
  scrub(): Promise<string>;
  /** Whether sends and reads can be expected to succeed now; undefined when they can, else what is wrong. */
  trouble(): string | undefined;
  /** Finish the appends in progress and release everything. May be called twice. */
  close(): Promise<void>;
}

export interface Clock {
  /** Milliseconds since 1970, whole, as the system believes: it may be wrong, and may be set forward or back. */
  nowMs(): number;
  /** Milliseconds that only grow, from any start: for waits and windows. */
  monotonicMs(): number;
}

/** The turns of the event loop. */
export interface Turns {
  /** Run once, after everything that this turn of the event loop still has to do. */
  afterTurn(run: () => void): void;
  /** Run once, in a turn that is at least so many milliseconds away. Cannot be taken back, and keeps no process alive. */
  afterMs(ms: number, run: () => void): void;
}

export interface Ids {
  /** A UUIDv7 (RFC 9562 §5.7) for a message whose sender gave none. */
  messageId(nowMs: number): string;
}
