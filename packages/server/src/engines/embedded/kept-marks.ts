import { createHash } from "node:crypto";
import { ConfabError, type Limits } from "@confab/contract";
import {
  type LogSize,
  type MarkedRoom,
  type MovedMark,
  offsetHere,
  outOfRange,
  type ReadMark,
  type ReadMarks,
  type RoomId,
} from "../../core/index.js";
import type { RoomTable } from "./room-table.js";
import type { Store, Table } from "./store.js";

/*
 * Keys of the table `meta`; a room's number is never used again.
 *
 *     "mark " | room number u32 | digest of the user: 16 bytes   offset f64 | changes f64 | at f64 | user: UTF-8
 *     "marks" | room number u32                                  u32: how many marks the room has
 *     "unmark" | room number u32                                 the room has gone; its marks are removed some at a time
 *
 * The name is in the value, since no scrub reaches a key that LMDB has copied into its branch pages (keys.ts).
 *
 * A mark needs no epoch: its room has one log in this folder, and offsets stay good when that gets another epoch. It is stored
 * after the entry that it names, so a log that loses its end loses the mark.
 */
const markPrefix = "mark ";
const countPrefix = "marks";
const removalPrefix = "unmark";

/** Marks that one commit moves. They bound how long it keeps the event loop. */
const maxMovesPerCommit = 1_024;

/** Marks of rooms that have gone which one commit removes. */
const maxRemovalsPerCommit = 1_024;

export interface KeptMarksDeps {
  readonly store: Pick<Store, "meta" | "failure">;
  readonly rooms: Pick<RoomTable, "get" | "state">;
  readonly size: LogSize;
  readonly limits: Pick<Limits, "maxReadMarksPerRoom" | "maxPendingSends">;
  /** Within a commit: whether the room goes away in it. */
  readonly isRemoving: (room: RoomId) => boolean;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** Within a commit: marks of a user were removed, and no file is to have the name. */
  readonly onErased: () => void;
}

interface StoredMark {
  readonly user: string;
  readonly offset: number;
  readonly changes: number;
  readonly atMs: number;
}

interface PendingMove {
  readonly room: RoomId;
  readonly mark: ReadMark;
  readonly resolve: (moved: MovedMark) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a move, to be told once the commit is durable. */
type Outcome = { readonly stored: StoredMark; readonly isMoved: boolean } | ConfabError;

/** Read marks in the data folder. All that are moved while one commit is made join the next. */
export class KeptMarks implements ReadMarks {
  private readonly pending: PendingMove[] = [];
  private storing: Promise<void> | undefined;
  private removing: Promise<void> | undefined;

  constructor(private readonly deps: KeptMarksDeps) {}

  of(user: string, rooms: readonly RoomId[]): MarkedRoom[] {
    this.refuseAfterFailure();
    return rooms.map((room) => {
      const number = this.deps.rooms.get(room)?.number;
      const value = number === undefined ? undefined : this.deps.store.meta.get(markKey(number, user));
      return this.marked(room, value ? [storedFrom(value)] : []);
    });
  }

  page(room: RoomId, after: string, limit: number): MarkedRoom {
    this.refuseAfterFailure();
    const number = this.deps.rooms.get(room)?.number;
    if (number === undefined) return this.marked(room, []);
    const all = keyOf(markPrefix, number);
    const start = after === "" ? all : Buffer.concat([markKey(number, after), Buffer.of(0)]);
    const found = [...this.deps.store.meta.getRange({ start, end: endOf(all), limit })];
    return this.marked(
      room,
      found.map(({ value }) => storedFrom(value)),
    );
  }

  move(room: RoomId, mark: ReadMark): Promise<MovedMark> {
    const { maxPendingSends } = this.deps.limits;
    if (this.pending.length >= maxPendingSends) {
      const text = `${this.pending.length} read marks wait for the disk; maxPendingSends is ${maxPendingSends}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => {
      this.pending.push({ room, mark, resolve, reject });
      this.storing ??= this.store();
    });
  }

  remove(user: string, rooms: readonly RoomId[]): Promise<void> {
    const { store, write, onErased } = this.deps;
    return write(() => {
      let count = 0;
      for (const number of new Set(rooms.flatMap((room) => this.deps.rooms.get(room)?.number ?? []))) {
        const key = markKey(number, user);
        if (!store.meta.get(key)) continue;
        void store.meta.remove(key);
        putCount(store.meta, number, countIn(store.meta, number) - 1);
        count++;
      }
      if (count > 0) onErased();
    });
  }

  /** A room goes away, in the commit that is being made: its marks are removed later, some at a time. */
  roomRemoved(number: number): void {
    const { meta } = this.deps.store;
    if (meta.get(keyOf(countPrefix, number))) void meta.put(keyOf(removalPrefix, number), Buffer.of(1));
  }

  /** Remove some of the marks of rooms that have gone. To be called from time to time; it returns at once. */
  sweep(): void {
    if (this.removing !== undefined || !this.removalKey()) return;
    // What cannot be stored now is removed by a later sweep.
    this.removing = this.deps
      .write(() => void this.removeSome())
      .catch(() => undefined)
      .finally(() => {
        this.removing = undefined;
      });
  }

  /** Within a commit: remove some of the marks of rooms that have gone. @returns whether there are more */
  removeSome(): boolean {
    const { meta } = this.deps.store;
    const removalKey = this.removalKey();
    if (!removalKey) return false;
    const number = removalKey.readUInt32BE(removalPrefix.length);
    const start = keyOf(markPrefix, number);
    const keys = [...meta.getKeys({ start, end: endOf(start), limit: maxRemovalsPerCommit })];
    for (const key of keys) void meta.remove(Buffer.from(key));
    if (keys.length === maxRemovalsPerCommit) return true;
    void meta.remove(keyOf(countPrefix, number));
    void meta.remove(removalKey);
    return true;
  }

  private removalKey(): Buffer | undefined {
    const start = Buffer.from(removalPrefix);
    const [key] = this.deps.store.meta.getKeys({ start, end: endOf(start), limit: 1 });
    return key && Buffer.from(key);
  }

  /** Never rejects. */
  private async store(): Promise<void> {
    // The rest of this turn's marks belong into the same commit.
    await Promise.resolve();
    while (this.pending.length > 0) {
      let moves: readonly PendingMove[] = [];
      let outcomes: readonly Outcome[] = [];
      try {
        await this.deps.write(() => {
          moves = this.pending.splice(0, maxMovesPerCommit);
          outcomes = this.place(moves);
        });
        for (const [index, move] of moves.entries()) this.tell(move, outcomes[index]);
      } catch (thrown) {
        // Where the commit could not begin, nothing was taken.
        for (const { reject } of moves.length > 0 ? moves : this.pending.splice(0)) reject(thrown);
      }
    }
    this.storing = undefined;
  }

  private tell({ room, mark, resolve, reject }: PendingMove, outcome: Outcome | undefined): void {
    if (!outcome || outcome instanceof ConfabError) {
      reject(outcome);
      return;
    }
    const { stored, isMoved } = outcome;
    const found = this.marked(room, [stored]);
    resolve({ ...found, mark: found.marks[0] ?? mark, isMoved });
  }

  /** Write marks in the commit that is being made. Never throws: the commit has others' sends, too. */
  private place(moves: readonly PendingMove[]): Outcome[] {
    const { meta } = this.deps.store;
    const drafts = new Map<string, { readonly key: Buffer; readonly stored: StoredMark }>();
    const counts = new Map<number, number>();
    const outcomes = moves.map((move): Outcome => {
      try {
        return this.placeOne(move, drafts, counts);
      } catch (thrown) {
        if (thrown instanceof ConfabError) return thrown;
        return new ConfabError("INTERNAL", "internal error", { cause: thrown });
      }
    });
    for (const { key, stored } of drafts.values()) void meta.put(key, bytesOf(stored));
    for (const [number, count] of counts) putCount(meta, number, count);
    return outcomes;
  }

  private placeOne(
    { room, mark }: PendingMove,
    drafts: Map<string, { readonly key: Buffer; readonly stored: StoredMark }>,
    counts: Map<number, number>,
  ): Outcome {
    const { store, rooms, size, limits, isRemoving } = this.deps;
    const record = isRemoving(room) ? undefined : rooms.get(room);
    const offset = record && offsetHere(mark.position, record);
    if (!record || offset === undefined || offset > record.newest)
      throw outOfRange(room, rooms.state(room), "the room has gone or was replaced");
    const key = markKey(record.number, mark.user);
    const name = key.toString("latin1");
    const value = store.meta.get(key);
    const before = drafts.get(name)?.stored ?? (value && storedFrom(value));
    if (before && before.offset >= offset) return { stored: before, isMoved: false };
    if (!before) {
      const count = counts.get(record.number) ?? countIn(store.meta, record.number);
      refuseAnother(room, count, limits);
      size.refuseFull();
      counts.set(record.number, count + 1);
    }
    const stored = { user: mark.user, offset, changes: mark.changes ?? 0, atMs: mark.atMs };
    drafts.set(name, { key, stored });
    return { stored, isMoved: true };
  }

  private marked(room: RoomId, found: readonly StoredMark[]): MarkedRoom {
    const { rooms } = this.deps;
    const { changes: all = 0, trimmedChanges: trimmed = 0 } = rooms.get(room) ?? {};
    const state = rooms.state(room);
    const marks = found.map((stored) => {
      // The store may show a mark a moment before its commit is known here.
      const offset = Math.min(stored.offset, state.newest);
      const { user, changes, atMs } = stored;
      return { user, position: { epoch: state.epoch, offset }, changes, atMs };
    });
    return { state, changes: { all, trimmed }, marks };
  }

  /** @throws ENGINE_UNAVAILABLE: the store cannot be read any more. */
  private refuseAfterFailure(): void {
    const failure = this.deps.store.failure();
    if (failure !== undefined) throw new ConfabError("ENGINE_UNAVAILABLE", failure);
  }
}

/** @throws TOO_MANY_READ_MARKS */
function refuseAnother(
  room: RoomId,
  count: number,
  { maxReadMarksPerRoom: most }: Pick<Limits, "maxReadMarksPerRoom">,
): void {
  if (count < most) return;
  throw new ConfabError("TOO_MANY_READ_MARKS", `room ${room} has ${count} read marks; maxReadMarksPerRoom is ${most}`);
}

function keyOf(prefix: string, number: number): Buffer {
  const key = Buffer.allocUnsafe(prefix.length + 4);
  key.write(prefix, 0, "latin1");
  key.writeUInt32BE(number, prefix.length);
  return key;
}

/** Keys that begin with this one, and then have no name that is longer than a digest, are below it. */
function endOf(start: Buffer): Buffer {
  return Buffer.concat([start, endSuffix]);
}

const digestBytes = 16;
const endSuffix = Buffer.alloc(digestBytes + 1, 0xff);

function markKey(number: number, user: string): Buffer {
  const digest = createHash("sha256").update(user).digest().subarray(0, digestBytes);
  return Buffer.concat([keyOf(markPrefix, number), digest]);
}

function countIn(meta: Table, number: number): number {
  return meta.get(keyOf(countPrefix, number))?.readUInt32BE(0) ?? 0;
}

function putCount(meta: Table, number: number, count: number): void {
  const value = Buffer.allocUnsafe(4);
  value.writeUInt32BE(Math.max(0, count), 0);
  void meta.put(keyOf(countPrefix, number), value);
}

const numberBytes = 24;

function bytesOf({ user, offset, changes, atMs }: StoredMark): Buffer {
  const bytes = Buffer.allocUnsafe(numberBytes + Buffer.byteLength(user));
  bytes.writeDoubleBE(offset, 0);
  bytes.writeDoubleBE(changes, 8);
  bytes.writeDoubleBE(atMs, 16);
  bytes.write(user, numberBytes);
  return bytes;
}

function storedFrom(value: Buffer): StoredMark {
  return {
    user: value.toString("utf8", numberBytes),
    offset: value.readDoubleBE(0),
    changes: value.readDoubleBE(8),
    atMs: value.readDoubleBE(16),
  };
}
