import { type EntryTable, type KeyRange, type Store, type Table, WriteError } from "../store.js";
import { BatchEncoder, type Change, decodeBatch, type TableName } from "./batch.js";
import type { HeldLog, LogFeed } from "./log-feed.js";
import { Overlay } from "./overlay.js";
import type { OverlayTable } from "./overlay-table.js";
import { appliedIn, appliedKey, hasWal, walKey } from "./wal-marks.js";
import type { WriteAheadLog } from "./write-ahead-log.js";

/** When what is durable is stored, if the store is not busy: it bounds how long one transaction keeps the event loop. */
const maxStoredBytes = 4_194_304;
const maxStoredChanges = 1_024;

/** What waits while the store takes what was before it, in bytes. */
const maxWaitingBytes = 4 * maxStoredBytes;

/** The longest key that LMDB takes, in bytes (lmdb 3.5.6). */
const maxKeyBytes = 1_978;

/** How long what is durable may be in the write-ahead log alone, in sweeps. */
const sweepsUntilStored = 5;

/** What an earlier process has left in its write-ahead log. */
export interface LeftContents {
  readonly contents: readonly Buffer[];
  /** What follows them is lost, and must not be looked for by the next start. */
  readonly isCut: boolean;
}

/**
 * A store in front of which there is a write-ahead log. What is written is durable when a record is: one append to a file. The
 * store below gets it later, together with what else was written until then, and until it has it, this knows it.
 *
 *     write ─► record ─► flush ─► overlay (durable, and read from now on) ─┬─ 5 sweeps or 4 MiB ─► the store below
 *                                                                         └─ the other file ◄─── turn
 */
export class WalStore implements Store {
  readonly entries: EntryTable;
  readonly ids: Store["ids"];
  readonly rooms: Store["rooms"];
  readonly meta: Table;
  private readonly overlay: Overlay;
  private readonly encoder = new BatchEncoder();
  /** The changes of the write that is being made. */
  private batch: Change[] | undefined;
  /** A record is being appended: until it is durable or refused, it belongs to what was before and not to what comes next. */
  private isAppending = false;
  private isStoringDue = false;
  /** Since changes were last taken for the store below. */
  private changesSinceTaken = 0;
  /** Ids below it are looked up no more. */
  private idsFrom: Buffer | undefined;
  /** What is being stored, one after another. */
  private storing: Promise<void> | undefined;
  /** What was taken for the store below could not be stored. It is tried again before anything else is written. */
  private refusal: WriteError | undefined;
  /** The number of the last record of what was taken; undefined: nothing is. */
  private taken: number | undefined;
  /** Whether it is stored is not known. */
  private isTakenUnknown = false;
  /** Bytes of the records of what was taken. */
  private takenBytes = 0;
  /** What an earlier process has left is not stored. Nothing is written before it is: its records end where new ones begin. */
  private isBehind: boolean;
  private sweepsSinceStored = 0;
  /** Receives what becomes durable. */
  private feed: LogFeed | undefined;
  /** Waits for the moment in which a file of the write-ahead log can be overwritten. */
  private wipe: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined;

  constructor(
    private readonly below: Store,
    private readonly wal: WriteAheadLog,
    { contents, isCut }: LeftContents,
  ) {
    const isFirst = !hasWal(below);
    this.isBehind = contents.length > 0 || isCut || isFirst;
    this.overlay = new Overlay(below);
    const { ids, rooms, meta } = this.overlay.tables;
    this.ids = {
      ...this.tableOf("ids", ids),
      dropBelow: (key) => {
        this.idsFrom = key;
      },
    };
    this.rooms = { ...this.tableOf("rooms", rooms), count: () => rooms.count() };
    this.meta = this.tableOf("meta", meta);
    this.entries = {
      append: (room, block) => this.change({ room, block, dropTo: 0 }),
      drop: (room, upTo) => this.change({ room, block: undefined, dropTo: upTo }),
      clear: (room) => this.change({ room, block: undefined, dropTo: Number.POSITIVE_INFINITY }),
      rewrite: (room, { bodies, cutTo }) => {
        for (const [offset, body] of bodies) this.change({ room, offset, body });
        if (cutTo > 0) this.change({ room, offset: cutTo, body: undefined });
      },
      forward: (room, from) => this.overlay.entries.forward(room, from),
      backward: (room, to) => this.overlay.entries.backward(room, to),
    };
    if (isFirst) meta.set(walKey, Buffer.of(1));
    for (const content of contents) {
      const changes = decodeBatch(content);
      for (const change of changes) this.refuseGap(change);
      this.apply(changes);
    }
  }

  get epoch(): number {
    return this.below.epoch;
  }

  usedBytes(): number {
    return this.below.usedBytes() + this.takenBytes + this.wal.bytes;
  }

  failure(): string | undefined {
    return this.below.failure();
  }

  trouble(): string | undefined {
    return this.below.trouble() ?? this.wal.trouble() ?? this.refusal?.message;
  }

  claim(): Promise<boolean> {
    return this.below.claim();
  }

  /** Tell this of all that becomes durable from now on; it is closed with the store. */
  feedTo(feed: LogFeed): void {
    this.feed = feed;
  }

  /** What is durable and not in the store below, at this moment. */
  held(): HeldLog {
    return {
      taken: this.taken === undefined ? undefined : [...this.overlay.changes("taken")],
      newer: [...this.overlay.changes("newer")],
      sequence: this.wal.lastSequence,
    };
  }

  /** Why the log in the folder may be another one than this one by now; undefined: it is this one. */
  displaced(): string | undefined {
    return this.below.trouble() ?? this.wal.trouble();
  }

  async write(write: () => void): Promise<void> {
    await this.makeRoom();
    const batch: Change[] = [];
    this.batch = batch;
    try {
      write();
    } finally {
      this.batch = undefined;
    }
    // A group of sends that were all stored before.
    if (batch.length === 0) return;
    this.isAppending = true;
    try {
      await this.appendRecord(this.encoder.encode(batch));
      this.apply(batch);
      this.feed?.durable(this.wal.lastSequence, batch);
    } finally {
      this.isAppending = false;
      const isMuch = this.wal.bytes >= maxStoredBytes || this.changesSinceTaken >= maxStoredChanges;
      if (isMuch || this.isStoringDue || this.wipe) this.storeSoon();
    }
  }

  async scrub(signal: AbortSignal): Promise<boolean> {
    // Both files have old contents. What is in one of them alone is stored before that one is overwritten.
    for (let file = 0; file < 2; file++) {
      if (signal.aborted) return false;
      await this.wipeNext();
    }
    return this.below.scrub(signal, (step) => this.alone(step));
  }

  sweep(): void {
    this.below.sweep();
    this.feed?.sweep();
    this.sweepsSinceStored++;
    // Trouble may have passed: that is seen also while nothing is written.
    if (this.refusal && this.storing === undefined && !this.isAppending)
      void this.store(() => this.storeTaken()).catch(() => undefined);
    if (this.sweepsSinceStored >= sweepsUntilStored && this.wal.bytes > 0) this.storeSoon();
  }

  async close(): Promise<void> {
    this.feed?.close();
    this.feed = undefined;
    let isStored = false;
    try {
      while (this.storing !== undefined) await this.storing;
      if (this.failure() === undefined) await this.storeAll();
      isStored = this.failure() === undefined;
    } catch (thrown) {
      // What is durable stays in the write-ahead log.
      if (!(thrown instanceof WriteError)) throw thrown;
    } finally {
      await this.wal.close();
      await this.below.close(isStored);
    }
  }

  /** Make changes that are stored together with what an earlier process has left; before anything is written. */
  changeLeft(change: () => void): void {
    const batch: Change[] = [];
    this.batch = batch;
    change();
    this.batch = undefined;
    this.apply(batch);
    this.isBehind = true;
  }

  /** Bring what an earlier process has left into the store below, and let go of its files. @throws WriteError */
  async storeLeft(): Promise<void> {
    if (this.isBehind) await this.storeAll();
    else this.wal.forgetLeft();
  }

  /** Bring all that is durable into the store below. @throws WriteError */
  async storeAll(): Promise<void> {
    while (this.storing !== undefined) await this.storing;
    await this.store(async () => {
      await this.storeTaken();
      await this.storeNewer();
      this.isBehind = false;
    });
  }

  /** @throws WriteError: the store below does not take what is waiting for it. */
  private async makeRoom(): Promise<void> {
    const failure = this.failure();
    if (failure !== undefined) throw new WriteError(true, failure);
    while (this.storing !== undefined && (this.refusal || this.wal.bytes >= maxWaitingBytes)) await this.storing;
    if (this.isBehind) await this.storeFirst(() => this.storeAll());
    else if (this.refusal) await this.storeFirst(() => this.store(() => this.storeTaken()));
  }

  /** Store before a write goes on. @throws WriteError: whatever became of that, of this write nothing is stored. */
  private async storeFirst(store: () => Promise<void>): Promise<void> {
    try {
      await store();
    } catch (thrown) {
      throw thrown instanceof WriteError ? new WriteError(true, thrown.message, { cause: thrown.cause }) : thrown;
    }
  }

  private async appendRecord(content: Buffer): Promise<void> {
    try {
      await this.wal.append(content);
    } catch (thrown) {
      // A file that cannot grow may have room at its beginning.
      if (!(thrown instanceof WriteError && thrown.isOutcomeKnown) || this.wal.bytes === 0) throw thrown;
      await this.storeFirst(() => this.storeAll());
      await this.wal.append(content);
    }
  }

  /** Store what is durable, go on in the other file, and overwrite this one. @throws WriteError */
  private wipeNext(): Promise<void> {
    const trouble = this.isBehind ? "what an earlier process has left is not stored" : this.trouble();
    if (trouble !== undefined) return Promise.reject(new WriteError(true, trouble));
    return new Promise((resolve, reject) => {
      this.wipe = { resolve, reject };
      this.storeSoon();
    });
  }

  /** Run a step on the store below while nothing else is stored. @throws WriteError, and what the step throws. */
  private async alone(step: () => Promise<void>): Promise<void> {
    while (this.storing !== undefined) await this.storing;
    const trouble = this.trouble();
    if (trouble !== undefined) throw new WriteError(true, trouble);
    await this.store(step);
  }

  private storeSoon(): void {
    this.isStoringDue = this.isAppending;
    if (this.refusal) this.endWipe()?.reject(this.refusal);
    if (this.isAppending || this.storing !== undefined || this.refusal) return;
    const wipe = this.endWipe();
    if (wipe) {
      void this.store(() => this.storeNewer().then(() => this.wal.wipeOther())).then(wipe.resolve, wipe.reject);
      return;
    }
    // A refusal is kept for the next write.
    void this.store(() => this.storeNewer()).catch(() => undefined);
  }

  private endWipe() {
    const { wipe } = this;
    this.wipe = undefined;
    return wipe;
  }

  private async store(step: () => Promise<void>): Promise<void> {
    const stored = step();
    // Those who wait for the end of it are not the ones who are told how it ended.
    const storing = stored
      .catch(() => undefined)
      .finally(() => {
        if (this.storing === storing) this.storing = undefined;
        if (this.wipe) this.storeSoon();
      });
    this.storing = storing;
    await stored;
  }

  /** Not before `storeTaken` has stored what was taken before. */
  private async storeNewer(): Promise<void> {
    if (this.taken !== undefined) throw new Error("what was taken before is not stored");
    this.sweepsSinceStored = 0;
    this.changesSinceTaken = 0;
    const applied = Buffer.allocUnsafe(8);
    applied.writeDoubleBE(this.wal.lastSequence);
    this.overlay.tables.meta.set(appliedKey, applied);
    this.taken = this.wal.lastSequence;
    this.takenBytes = this.wal.bytes;
    this.overlay.take();
    this.feed?.taken();
    this.wal.turn();
    await this.storeTaken();
  }

  private async storeTaken(): Promise<void> {
    if (this.taken === undefined) return;
    const { overlay } = this;
    try {
      await this.below.claim();
      const isStored = this.isTakenUnknown && appliedIn(this.below) >= this.taken;
      if (!isStored) {
        // They may be written twice, when only the second write fails: that changes nothing.
        if (overlay.entries.hasRewrites) await this.below.write(() => overlay.entries.storeRewrites());
        await this.below.write(() => {
          overlay.store();
          if (this.idsFrom) this.below.ids.dropBelow(this.idsFrom, 2 * overlay.tables.ids.takenCount);
        });
      }
    } catch (thrown) {
      // Also a bug: what was taken is kept until it is stored.
      const text = "the log could not be stored";
      this.refusal = thrown instanceof WriteError ? thrown : new WriteError(true, text, { cause: thrown });
      this.isTakenUnknown ||= !this.refusal.isOutcomeKnown;
      throw this.refusal;
    }
    this.taken = undefined;
    this.isTakenUnknown = false;
    this.takenBytes = 0;
    this.refusal = undefined;
    overlay.stored();
    this.feed?.stored();
    this.wal.forgetLeft();
  }

  /** @throws Error: a record that an earlier process has left does not follow what is stored. */
  private refuseGap(change: Change): void {
    if (!("block" in change) || !change.block) return;
    const [newest] = this.overlay.entries.backward(change.room, Number.MAX_SAFE_INTEGER);
    if (change.block.first === (newest?.last ?? 0) + 1) return;
    throw new Error("its write-ahead log does not follow it: one of the two is of another time, or of a copy");
  }

  /** The changes are durable. */
  private apply(changes: readonly Change[]): void {
    this.overlay.apply(changes);
    this.changesSinceTaken += changes.length;
  }

  private change(change: Change): void {
    if (!this.batch) throw new Error("a change outside of a write");
    this.batch.push(change);
  }

  private tableOf(name: TableName, table: OverlayTable): Table {
    return {
      get: (key) => table.get(key),
      getKeys: (range: KeyRange) => table.getKeys(range),
      getRange: (range: KeyRange) => table.getRange(range),
      put: (key, value) => {
        // What the store below can never take must not be acknowledged.
        if (key.length > maxKeyBytes) throw new RangeError(`a key of ${key.length} bytes is more than ${maxKeyBytes}`);
        this.change({ table: name, key, value });
      },
      remove: (key) => this.change({ table: name, key, value: undefined }),
    };
  }
}
