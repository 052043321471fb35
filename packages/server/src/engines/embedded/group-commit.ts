import { ConfabError } from "@confab/contract";
import {
  type Appended,
  blockOf,
  type LogEntry,
  type LogSize,
  type NewEntry,
  type RoomId,
  type RoomRetention,
} from "../../core/index.js";
import type { DedupeIndex } from "./dedupe-index.js";
import type { DiskSpace } from "./disk-space.js";
import type { KeptClock } from "./kept-clock.js";
import { dropExpired } from "./retention.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomRemoval } from "./room-removal.js";
import type { RoomChanges, RoomTable } from "./room-table.js";
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
  /** Entries of one room have become durable, in their order. */
  readonly onDurable: (room: RoomId, epoch: number, entries: readonly LogEntry[]) => void;
  /** A room has gone away. */
  readonly onRemoved: (room: RoomId) => void;
}

interface PendingSend {
  readonly room: RoomId;
  readonly entry: NewEntry;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** Something else to write with the next commit. */
interface PendingWrite {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One room's part of the commit that is being made. */
interface Draft {
  readonly record: RoomRecord;
  /** The newest offset before this commit. */
  readonly storedNewest: number;
  readonly entries: LogEntry[];
}

class Drafts extends Map<RoomId, Draft> {
  /** Rooms among them that the store does not know yet. */
  newRooms = 0;

  /** Take a new room back whose first send was refused, before another is drafted: rooms are numbered without a gap. */
  takeBackIfEmpty(room: RoomId): void {
    const draft = this.get(room);
    if (draft?.storedNewest !== 0 || draft.entries.length > 0) return;
    this.delete(room);
    this.newRooms--;
  }
}

/** Sends in one commit. It bounds how long one commit keeps the event loop. */
const maxGroupSends = 1_024;

/**
 * Appends many sends with one flush to disk: all that arrive while one group is being flushed form the next.
 *
 * One group is in flight at a time. That makes failure simple: offsets are given out when a group is formed, so when its
 * commit fails nobody else holds later ones, and the next group starts from what the store knows.
 */
export class GroupCommit {
  private pending: PendingSend[] = [];
  private pendingBytes = 0;
  /** Rooms to look at for messages past their age, without a send. */
  private aged: RoomId[] = [];
  private writes: PendingWrite[] = [];
  private running: Promise<void> | undefined;
  private isClosed = false;

  constructor(private readonly deps: GroupCommitDeps) {}

  append(room: RoomId, entry: NewEntry): Promise<Appended> {
    const { maxPendingSends, maxPendingSendBytes } = this.deps;
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    if (this.pending.length >= maxPendingSends || this.pendingBytes + entry.body.length > maxPendingSendBytes) {
      const text = `${this.pending.length} sends (${this.pendingBytes} bytes) wait for the disk; maxPendingSends is ${maxPendingSends}, maxPendingSendBytes ${maxPendingSendBytes}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    this.pendingBytes += entry.body.length;
    return new Promise((resolve, reject) => {
      this.pending.push({ room, entry, resolve, reject });
      this.start();
    });
  }

  /** Drop what has passed its age in these rooms, and ids past their window, in the next commit. */
  maintain(rooms: readonly RoomId[]): void {
    if (this.isClosed) return;
    this.aged.push(...rooms);
    this.start();
  }

  /** Run this in the next commit. Resolves once that is durable. @throws as an append does. */
  write(run: () => void): Promise<void> {
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    return new Promise((resolve, reject) => {
      this.writes.push({ run, resolve, reject });
      this.start();
    });
  }

  /** Take no more sends; resolves when those taken are durable or refused. */
  async close(): Promise<void> {
    this.isClosed = true;
    await this.running;
  }

  private start(): void {
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    // The rest of this turn's sends belong into the same group.
    await new Promise(setImmediate);
    do {
      const group = this.pending.length > maxGroupSends ? this.pending.splice(0, maxGroupSends) : this.pending;
      if (group === this.pending) this.pending = [];
      for (const { entry } of group) this.pendingBytes -= entry.body.length;
      const { aged, writes } = this;
      this.aged = [];
      this.writes = [];
      try {
        await this.commit(group, aged, writes);
      } catch (thrown) {
        for (const each of [...group, ...writes]) each.reject(thrown);
      }
    } while (this.pending.length > 0 || this.aged.length > 0 || this.writes.length > 0);
    this.running = undefined;
  }

  private async commit(
    group: readonly PendingSend[],
    aged: readonly RoomId[],
    writes: readonly PendingWrite[],
  ): Promise<void> {
    const { store, rooms, ids, disk, clock, onDurable, onRemoved } = this.deps;
    await disk.refuseWhileFull();
    const time = clock.read();
    const drafts = new Drafts();
    let outcomes: [PendingSend, Appended][] = [];
    let changes: RoomChanges | undefined;
    const write = () => {
      ids.turnTo(time.logMs);
      outcomes = this.placeSends(group, drafts);
      for (const { record, storedNewest, entries } of drafts.values()) {
        const bytes = blockOf(entries.map(({ body }) => body));
        const block = { first: storedNewest + 1, last: storedNewest + entries.length, bytes };
        if (entries.length > 0) store.entries.append(record.number, block);
      }
      for (const room of aged) {
        if (!drafts.has(room) && rooms.get(room)) this.draftOf(room, drafts);
      }
      changes = this.trim(drafts, time.wallMs);
      rooms.write(changes);
      ids.dropExpired(group.length);
      for (const { run } of writes) run();
      clock.keep(time);
    };
    try {
      await this.flush(write);
    } catch (failure) {
      // The rooms may be gone all the same. While nothing can be read nothing can be asked of them either.
      if (store.failure() === undefined) for (const room of changes?.removed.keys() ?? []) onRemoved(room);
      throw failure;
    }
    ids.committed();
    if (changes) rooms.committed(changes);
    for (const [room, { record, entries }] of drafts) {
      if (entries.length > 0) onDurable(room, record.epoch, entries);
    }
    for (const room of changes?.removed.keys() ?? []) onRemoved(room);
    for (const [send, outcome] of outcomes) send.resolve(outcome);
    for (const { resolve } of writes) resolve();
  }

  /** Drop what the rooms of a commit keep no longer: messages, or the whole room. */
  private trim(drafts: Drafts, nowMs: number): RoomChanges {
    const { store, retention, removal } = this.deps;
    const put = new Map<RoomId, RoomRecord>();
    const removed = new Map<RoomId, RoomRecord>();
    for (const [room, { record, storedNewest, entries }] of drafts) {
      const bounds = retention.of(room);
      const { oldest } = record;
      let isDue = false;
      try {
        dropExpired(store, record, storedNewest, bounds, nowMs);
        isDue = entries.length === 0 && removal.isDue(room, record, bounds, nowMs);
      } catch (thrown) {
        // What is damaged stays: nobody can say how old it is, and it must not stop the sends of this commit.
        if (!isDataLoss(thrown)) throw thrown;
      }
      if (isDue) {
        removal.removeEntries(record);
        removed.set(room, record);
      } else if (entries.length > 0 || record.oldest > oldest) put.set(room, record);
    }
    return { put, made: drafts.newRooms, removed };
  }

  /** Give each send its offset, or the first one's. Sends that cannot have a place are refused at once. */
  private placeSends(group: readonly PendingSend[], drafts: Drafts): [PendingSend, Appended][] {
    const { ids, rooms, size } = this.deps;
    const outcomes: [PendingSend, Appended][] = [];
    /** Sends with a key in this very group: the index does not know them yet. */
    const firsts = new Map<string, Appended>();
    for (const send of group) {
      const { room, entry } = send;
      const { dedupeKey, sentAtMs, body, refuseFirst } = entry;
      try {
        // A draft without a record has a first entry by now: one whose first send was refused was taken back.
        if (refuseFirst && !drafts.has(room) && !rooms.get(room)) throw refuseFirst();
        const draft = this.draftOf(room, drafts);
        const { record } = draft;
        if (dedupeKey !== undefined) {
          const inGroup = firsts.get(`${record.number} ${dedupeKey}`);
          const stored = inGroup ? undefined : ids.find(record.number, dedupeKey);
          const first = inGroup ?? (stored && appendedAt(record.epoch, stored.offset, stored.sentAtMs));
          if (first) {
            outcomes.push([send, { ...first, isDuplicate: true }]);
            continue;
          }
        }
        size.refuseFull();
        const offset = record.newest + 1;
        const appended = appendedAt(record.epoch, offset, sentAtMs);
        // The write first: should it throw, the draft knows nothing of this send.
        if (dedupeKey !== undefined) {
          ids.put(record.number, dedupeKey, { offset, sentAtMs });
          firsts.set(`${record.number} ${dedupeKey}`, appended);
        }
        record.newest = offset;
        record.bytes += body.length;
        size.add(body.length);
        draft.entries.push({ offset, body });
        outcomes.push([send, appended]);
      } catch (refused) {
        drafts.takeBackIfEmpty(room);
        send.reject(refused);
      }
    }
    return outcomes;
  }

  private draftOf(room: RoomId, drafts: Drafts): Draft {
    const drafted = drafts.get(room);
    if (drafted) return drafted;
    const record = this.deps.rooms.draft(room, drafts.newRooms);
    if (record.newest === 0) drafts.newRooms++;
    const draft = { record, storedNewest: record.newest, entries: [] };
    drafts.set(room, draft);
    return draft;
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

function appendedAt(epoch: number, offset: number, sentAtMs: number): Appended {
  return { position: { epoch, offset }, sentAtMs, isDuplicate: false };
}
