import { ConfabError, isChange, type Position } from "@confab/contract";
import {
  type Appended,
  type LogEntry,
  type LogSize,
  type NewEntry,
  offsetHere,
  type RoomId,
  type RoomRetention,
  Run,
  unexpectedPosition,
} from "../../core/index.js";
import type { DedupeIndex } from "./dedupe-index.js";
import type { DiskSpace } from "./disk-space.js";
import { type Draft, Drafts } from "./drafts.js";
import { type DraftedChanges, Erasures, type PendingErasure } from "./erasures.js";
import type { KeptClock } from "./kept-clock.js";
import { type PendingRemoval, Removals, recordsOf } from "./removals.js";
import { backlogDropsPerCommit, dropExpired } from "./retention.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomRemoval } from "./room-removal.js";
import type { RoomChanges, RoomTable } from "./room-table.js";
import type { Scrubbing } from "./scrubbing.js";
import { type Store, WriteError } from "./store.js";

export interface GroupCommitDeps {
  readonly store: Store;
  readonly rooms: RoomTable;
  readonly ids: DedupeIndex;
  readonly disk: DiskSpace;
  readonly size: LogSize;
  readonly retention: RoomRetention;
  readonly removal: RoomRemoval;
  readonly clock: KeptClock;
  readonly maxPendingSends: number;
  readonly maxPendingSendBytes: number;
  /** Messages of one room have become durable. */
  readonly onDurable: (room: RoomId, epoch: number, run: Run) => void;
  /** A room has gone away. */
  readonly onRemoved: (room: RoomId) => void;
  /** Messages of a room were erased. */
  readonly onErased: (room: RoomId) => void;
  readonly scrubbing: () => Pick<Scrubbing, "ask">;
}

/** Entries that are stored together or not at all. */
interface PendingSend {
  readonly room: RoomId;
  readonly entries: readonly NewEntry[];
  readonly bytes: number;
  readonly expected?: Position | undefined;
  /** With one for each entry. */
  readonly resolve: (appended: readonly Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a send, to be told once the commit is durable. */
type Outcome = readonly [send: PendingSend, outcome: readonly Appended[] | ConfabError];

/** Something else to write with the next commit. */
interface PendingWrite {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Entries and bytes in one commit, before the last send of it. They bound how long one commit keeps the event loop. */
const maxGroupEntries = 1_024;
const maxGroupBytes = 4_194_304;

/** An id that was taken back: it has no first send. */
const takenBack = { offset: 0, sentAtMs: 0 };

/**
 * Appends many sends with one flush to disk: all that arrive while one group is being flushed form the next.
 *
 * One group is in flight at a time. That makes failure simple: offsets are given out when a group is formed, so when its
 * commit fails nobody else holds later ones, and the next group starts from what the store knows.
 */
export class GroupCommit {
  private readonly pending: PendingSend[] = [];
  private pendingEntries = 0;
  private pendingBytes = 0;
  /** Rooms to look at for messages past their age, without a send. */
  private aged: RoomId[] = [];
  /** Those of them that are looked at until all has gone that they keep no longer. */
  private readonly lowered = new Set<RoomId>();
  private writes: PendingWrite[] = [];
  /** Rooms that go away in the commit that is being made, once its `writes` run. */
  private removing: ReadonlyMap<RoomId, RoomRecord> = new Map();
  private readonly erasures: Erasures;
  private readonly removals: Removals;
  /** Sends that were ever pushed, and those that were taken for a commit. */
  private sendsPushed = 0;
  private sendsTaken = 0;
  private running: Promise<void> | undefined;
  private isClosed = false;

  constructor(private readonly deps: GroupCommitDeps) {
    this.erasures = new Erasures(deps);
    this.removals = new Removals(deps.maxPendingSends);
  }

  append(room: RoomId, entry: NewEntry): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const placed = ([appended]: readonly Appended[]) => resolve(appended as Appended);
      this.push({ room, entries: [entry], bytes: entry.body.length, resolve: placed, reject });
    });
  }

  appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    const bytes = entries.reduce((sum, { body }) => sum + body.length, 0);
    return new Promise((resolve, reject) => this.push({ room, entries, bytes, expected, resolve, reject }));
  }

  private push(send: PendingSend): void {
    const { maxPendingSends, maxPendingSendBytes } = this.deps;
    const { entries, bytes, reject } = send;
    if (this.isClosed) {
      reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
      return;
    }
    if (this.pendingEntries + entries.length > maxPendingSends || this.pendingBytes + bytes > maxPendingSendBytes) {
      const text = `${this.pendingEntries} sends (${this.pendingBytes} bytes) wait for the disk; maxPendingSends is ${maxPendingSends}, maxPendingSendBytes ${maxPendingSendBytes}`;
      reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
      return;
    }
    this.pendingEntries += entries.length;
    this.pendingBytes += bytes;
    this.pending.push(send);
    this.sendsPushed++;
    this.start();
  }

  /** Drop what has passed its age in these rooms, and ids past their window, in the next commit. */
  maintain(rooms: readonly RoomId[]): void {
    if (this.isClosed) return;
    this.aged.push(...rooms);
    this.start();
  }

  /** Drop all that a room keeps no longer, in as many commits as that needs. */
  trimAll(room: RoomId): void {
    this.lowered.add(room);
    this.maintain([room]);
  }

  /** Give messages other bodies. Resolves once that is durable. @see RoomLog.erase */
  erase(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<void> {
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    const erasing = this.erasures.push(room, epoch, bodies);
    this.start();
    return erasing;
  }

  /** Remove a room, after what was appended to it before. @see RoomLog.remove */
  remove(room: RoomId): Promise<number> {
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    const removing = this.removals.push(room, this.sendsPushed);
    this.start();
    return removing;
  }

  /** Run this in the next commit. Resolves once that is durable. @throws as an append does. */
  write(run: () => void): Promise<void> {
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    return new Promise((resolve, reject) => {
      this.writes.push({ run, resolve, reject });
      this.start();
    });
  }

  /** Within `run` of a `write`: whether a room goes away in the same commit. */
  isRemoving(room: RoomId): boolean {
    return this.removing.has(room);
  }

  /** Take no more sends; resolves when those taken are durable or refused. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.running;
  }

  private takeGroup(): readonly PendingSend[] {
    let [count, entries, bytes] = [0, 0, 0];
    for (; count < this.pending.length && entries < maxGroupEntries && bytes < maxGroupBytes; count++) {
      const send = this.pending[count];
      bytes += send?.bytes ?? 0;
      entries += send?.entries.length ?? 0;
      this.pendingEntries -= send?.entries.length ?? 0;
      this.pendingBytes -= send?.bytes ?? 0;
    }
    this.sendsTaken += count;
    return this.pending.splice(0, count);
  }

  private start(): void {
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    // The rest of this turn's sends belong into the same group.
    await new Promise(setImmediate);
    do {
      const group = this.takeGroup();
      const { aged, writes } = this;
      const erasures = this.erasures.take();
      this.aged = [];
      this.writes = [];
      try {
        await this.commit(group, aged, writes, erasures);
      } catch (thrown) {
        for (const each of [...group, ...writes, ...erasures]) each.reject(thrown);
      }
      const removals = this.removals.take(this.sendsTaken);
      try {
        if (removals.length > 0) await this.commitRemovals(removals);
      } catch (thrown) {
        for (const each of removals) each.reject(thrown);
      }
    } while (this.isWaitedFor);
    this.running = undefined;
  }

  private get isWaitedFor(): boolean {
    const { pending, aged, writes, erasures, removals } = this;
    return pending.length + aged.length + writes.length + erasures.count + removals.count > 0;
  }

  /** A separate commit, so that a room that is made again at once has its number and its epoch after it. */
  private async commitRemovals(removals: readonly PendingRemoval[]): Promise<void> {
    const { store, rooms, removal, scrubbing, onRemoved } = this.deps;
    const removed = recordsOf(removals, rooms);
    const changes: RoomChanges = { put: new Map(), made: 0, removed };
    try {
      if (removed.size > 0)
        await this.flush(() => {
          for (const [room, record] of removed) removal.removeEntries(room, record);
          scrubbing().ask();
          rooms.write(changes);
        });
    } catch (failure) {
      // They may be gone all the same.
      if (store.failure() === undefined) for (const room of removed.keys()) onRemoved(room);
      throw failure;
    }
    if (removed.size > 0) rooms.committed(changes);
    for (const room of removed.keys()) onRemoved(room);
    for (const { room, resolve } of removals) {
      const { oldest = 1, newest = 0 } = removed.get(room) ?? {};
      resolve(newest - oldest + 1);
    }
  }

  private async commit(
    group: readonly PendingSend[],
    aged: readonly RoomId[],
    writes: readonly PendingWrite[],
    erasures: readonly PendingErasure[],
  ): Promise<void> {
    const { store, rooms, ids, disk, clock, onDurable, onRemoved, onErased } = this.deps;
    await disk.refuseWhileFull();
    const time = clock.read();
    const drafts = new Drafts(rooms);
    let outcomes: Outcome[] = [];
    let changes: RoomChanges | undefined;
    const runs: { readonly room: RoomId; readonly epoch: number; readonly run: Run }[] = [];
    const backlogs = new Set<RoomId>();
    const erased: PendingErasure[] = [];
    const refusals: (() => void)[] = [];
    const write = () => {
      ids.turnTo(time.logMs);
      outcomes = this.placeSends(group, drafts);
      for (const [room, { record, storedNewest, bodies }] of drafts) {
        const run = Run.of(storedNewest + 1, bodies);
        const [block] = run.parts;
        if (!block) continue;
        store.entries.append(record.number, { first: run.first, last: run.last, bytes: block.bytes });
        runs.push({ room, epoch: record.epoch, run });
      }
      for (const room of aged) drafts.ofExisting(room);
      const trimmed = this.trim(drafts, time.wallMs, backlogs);
      changes = trimmed;
      this.removing = trimmed.removed;
      // After the trim, which takes off a room's account what its messages had before.
      for (const erasure of erasures) {
        const refuse = this.erasures.place(erasure, drafts, trimmed);
        if (refuse) refusals.push(refuse);
        else erased.push(erasure);
      }
      if (erased.length > 0) this.deps.scrubbing().ask();
      rooms.write(changes);
      ids.dropExpired(group.reduce((sum, { entries }) => sum + entries.length, 0));
      for (const { run } of writes) run();
      clock.keep(time);
    };
    try {
      await this.flush(write);
    } catch (failure) {
      // The rooms may be gone all the same. While nothing can be read nothing can be asked of them either.
      if (store.failure() === undefined) for (const room of changes?.removed.keys() ?? []) onRemoved(room);
      // They may be stored.
      for (const { room } of erased) onErased(room);
      // The sweep goes on with them.
      for (const room of aged) this.lowered.delete(room);
      throw failure;
    }
    ids.committed();
    if (changes) rooms.committed(changes);
    for (const room of aged) {
      if (!backlogs.has(room)) this.lowered.delete(room);
      else if (this.lowered.has(room)) this.maintain([room]);
    }
    for (const { room, epoch, run } of runs) onDurable(room, epoch, run);
    for (const room of changes?.removed.keys() ?? []) onRemoved(room);
    for (const room of new Set(erased.map(({ room }) => room))) onErased(room);
    for (const { resolve } of erased) resolve();
    for (const refuse of refusals) refuse();
    for (const [send, outcome] of outcomes) {
      if (outcome instanceof ConfabError) send.reject(outcome);
      else send.resolve(outcome);
    }
    for (const { resolve } of writes) resolve();
  }

  /** Drop what the rooms of a commit keep no longer: messages, or the whole room. `backlogs`: those that may keep more of it. */
  private trim(drafts: Drafts, nowMs: number, backlogs: Set<RoomId>): DraftedChanges {
    const { store, retention, removal } = this.deps;
    const put = new Map<RoomId, RoomRecord>();
    const removed = new Map<RoomId, RoomRecord>();
    for (const [room, { record, storedNewest, bodies }] of drafts) {
      const bounds = retention.of(room);
      const { oldest } = record;
      let isDue = false;
      try {
        if (dropExpired(store, record, storedNewest, bounds, nowMs) >= backlogDropsPerCommit) backlogs.add(room);
        isDue = bodies.length === 0 && removal.isDue(room, record, bounds, nowMs);
      } catch (thrown) {
        // The table cannot be read there, or the room's newest message cannot: it stays, and the sends of this commit go on.
        if (!isDataLoss(thrown)) throw thrown;
      }
      if (isDue) {
        removal.removeEntries(room, record);
        removed.set(room, record);
      } else if (bodies.length > 0 || record.oldest > oldest) put.set(room, record);
    }
    return { put, made: drafts.newRooms, removed };
  }

  /** Give each entry its offset, or the first one's. Sends that cannot have a place are refused at once. */
  private placeSends(group: readonly PendingSend[], drafts: Drafts): Outcome[] {
    const { rooms } = this.deps;
    const outcomes: Outcome[] = [];
    /** Entries with a key in this very group: the index does not know them yet. */
    const firsts = new Map<string, Appended>();
    for (const send of group) {
      const { room, entries } = send;
      const { refuseFirst, about } = entries[0] ?? {};
      try {
        // A draft without a record has a first entry by now: one whose first send was refused was taken back.
        if (refuseFirst && !drafts.has(room) && !rooms.get(room)) throw refuseFirst();
        const draft = drafts.of(room);
        if (refuseFirst && about && offsetHere(about, draft.record) === undefined) throw refuseFirst();
        outcomes.push([send, this.place(send, draft, firsts)]);
      } catch (refused) {
        drafts.takeBackIfEmpty(room);
        // It quotes a position, which another send of this commit may have made: it is true once that is durable.
        if (refused instanceof ConfabError && refused.code === "UNEXPECTED_POSITION") outcomes.push([send, refused]);
        else send.reject(refused);
      }
    }
    return outcomes;
  }

  /** Give the entries of one send their places, and write what is new; all of it or nothing. */
  private place({ room, entries, expected }: PendingSend, draft: Draft, firsts: Map<string, Appended>): Appended[] {
    const { ids, size } = this.deps;
    const { record } = draft;
    const fresh: NewEntry[] = [];
    const newKeys: [dedupeKey: string, appended: Appended][] = [];
    let keysWritten = 0;
    try {
      const placed = entries.map((entry) => {
        const { dedupeKey, sentAtMs } = entry;
        const first = dedupeKey === undefined ? undefined : this.firstOf(record, dedupeKey, firsts);
        if (first) return { ...first, isDuplicate: true };
        const appended = appendedAt(record.epoch, record.newest + fresh.push(entry), sentAtMs);
        if (dedupeKey !== undefined) {
          firsts.set(keyInGroup(record, dedupeKey), appended);
          newKeys.push([dedupeKey, appended]);
        }
        return appended;
      });
      if (fresh.length === 0) return placed;
      if (expected && offsetHere(expected, record) !== record.newest) throw unexpectedPosition(room, record, expected);
      size.refuseFull();
      // The writes first: should one throw, the draft knows nothing of this send.
      for (const [dedupeKey, { position, sentAtMs }] of newKeys) {
        ids.put(record.number, dedupeKey, { offset: position.offset, sentAtMs });
        keysWritten++;
      }
      for (const { body } of fresh) {
        record.newest++;
        record.bytes += body.length;
        if (isChange(body)) record.changes = (record.changes ?? 0) + 1;
        size.add(body.length);
        draft.bodies.push(body);
      }
      return placed;
    } catch (refused) {
      for (const [index, [dedupeKey]] of newKeys.entries()) {
        firsts.delete(keyInGroup(record, dedupeKey));
        // The offset that was written with it goes to another entry.
        if (index < keysWritten) ids.put(record.number, dedupeKey, takenBack);
      }
      throw refused;
    }
  }

  /** Where an entry with this key stands already. */
  private firstOf(record: RoomRecord, dedupeKey: string, firsts: ReadonlyMap<string, Appended>): Appended | undefined {
    const inGroup = firsts.get(keyInGroup(record, dedupeKey));
    if (inGroup) return inGroup;
    const stored = this.deps.ids.find(record.number, dedupeKey);
    return stored && stored.offset !== takenBack.offset
      ? appendedAt(record.epoch, stored.offset, stored.sentAtMs)
      : undefined;
  }

  /** Resolves when all that `write` writes is durable. */
  private async flush(write: () => void): Promise<void> {
    const { store, rooms, disk } = this.deps;
    try {
      if (await store.claim()) rooms.forget();
      await store.write(write);
    } catch (failure) {
      if (!(failure instanceof WriteError)) throw failure;
      if (failure.isOutcomeKnown) throw await disk.errorFrom(failure);
      rooms.forget();
      throw new ConfabError("OUTCOME_UNKNOWN", failure.message, { cause: failure.cause });
    }
  }
}

function isDataLoss(thrown: unknown): boolean {
  return thrown instanceof ConfabError && thrown.code === "DATA_LOSS";
}

function keyInGroup({ number }: RoomRecord, dedupeKey: string): string {
  return `${number} ${dedupeKey}`;
}

function appendedAt(epoch: number, offset: number, sentAtMs: number): Appended {
  return { position: { epoch, offset }, sentAtMs, isDuplicate: false };
}
