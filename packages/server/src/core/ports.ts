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
