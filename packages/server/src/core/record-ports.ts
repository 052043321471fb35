import type { Position } from "@confab/contract";
import type { Eventually, RoomState } from "./ports.js";
import type { RoomId } from "./room-id.js";

// The ports of what an engine keeps beside the log of its rooms.

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
