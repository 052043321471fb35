import { randomInt } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Limits } from "@confab/contract";
import { open, type RootDatabase } from "lmdb";
import type { ClockLog } from "../../core/index.js";
import { BlockTable } from "./block-table.js";
import { ChangeList } from "./change-list.js";
import { convertLog } from "./convert-log.js";
import { folderFiles, lockFileOf, prepareFile, prepareFolder } from "./data-folder.js";
import { dropBelow } from "./drop-below.js";
import { renewEpochs } from "./epoch-renewal.js";
import { FolderLockedError, lockFolder } from "./folder-lock.js";
import { ForeignSnapshots } from "./foreign-snapshots.js";
import { binary, type LogTable } from "./lmdb-tables.js";
import { checkLog } from "./log-check.js";
import { troubleWithLogFile } from "./log-file.js";
import { formatVersion } from "./log-format.js";
import { flushLog, type LogMarker, readMarker, sayClosed, takeClosed, writeMarker } from "./log-marker.js";
import { LogPlace } from "./log-place.js";
import { LogScrub } from "./log-scrub.js";
import { makeEnvironment } from "./make-environment.js";
import { keepSharedEpoch } from "./new-rooms.js";
import { openReaderPort } from "./readers/reader-port.js";
import { newSeed, RoomEpochs } from "./room-epochs.js";
import { type Store, WriteError } from "./store.js";
import { Transactions } from "./transactions.js";
import { WalFiles } from "./wal/wal-files.js";
import { appliedIn, hasWal } from "./wal/wal-marks.js";
import { WalStore } from "./wal/wal-store.js";
import { readLeft, WriteAheadLog } from "./wal/write-ahead-log.js";

const formatKey = Buffer.from("format");
const epochKey = Buffer.from("epoch");
/** There while a log is converted. */
const convertingKey = Buffer.from("converting");

export type Durability = "fsync" | "os";

/** Why a data folder cannot be used; the message says what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/**
 * `eventTurnBatching`: one batch is one transaction. Otherwise lmdb makes one of all the writes of a turn, with a promise
 * that no caller is given: when the disk is full it rejects, and ends the process (lmdb 3.5.6).
 *
 * `overlappingSync`: a transaction is flushed before it can be read. Otherwise lmdb shows it first and flushes it later.
 * When that flush fails, the transaction stays visible although its batch was rejected, and when the write of the meta page
 * fails, the batch resolves all the same (lmdb 3.5.6).
 */
const transactions = { eventTurnBatching: false, overlappingSync: false } as const;

/** How a data folder is opened. */
export interface StoreConfig {
  readonly folder: string;
  readonly durability: Durability;
  readonly log: ClockLog;
  readonly limits: Pick<Limits, "maxLogReaders" | "maxLogReaderBytes">;
}

/**
 * Open a data folder, making it if it is not there. A log that was not closed in order is read as a whole first; `log` is told, since that may take a while.
 *
 * @throws StoreError: it cannot be made, written or read, is damaged, or a newer version wrote it. FolderLockedError: it is in use.
 */
export async function openStore({ folder, durability, log, limits }: StoreConfig): Promise<Store> {
  const unlock = await asStoreError(`the data folder ${folder} cannot be written`, () => {
    prepareFolder(folder);
    return lockFolder(folder);
  });
  try {
    const store = await openLocked(folder, { durability, unlock, log });
    const port = await openReaderPort({ folder, source: store, limits, log });
    if (port) store.feedTo(port);
    return store;
  } catch (failure) {
    await unlock();
    throw failure;
  }
}

interface Opening {
  readonly durability: Durability;
  readonly unlock: () => Promise<void>;
  readonly log: ClockLog;
}

async function openLocked(folder: string, { durability, unlock, log }: Opening): Promise<WalStore> {
  const path = join(folder, folderFiles.log);
  const marker = await asStoreError("", () => readMarker(folder));
  refuseBadFile(path, marker);
  const isNew = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
  await asStoreError(`${path} cannot be written`, async () => {
    if (isNew) await makeEnvironment(path, async (root) => void (await readOrMakeEpoch(root, folder)));
    for (const file of [path, lockFileOf(path)]) prepareFile(file);
  });
  const wasClosed = await asStoreError(`the data folder ${folder} cannot be written`, () => takeClosed(folder));
  if (!isNew && !wasClosed) {
    log.warn({ path }, "the log was not closed in order; it is checked before it is served");
    const trouble = await checkLog(path);
    if (trouble) throw badFile(path, trouble);
  }
  let root: RootDatabase<Buffer, Buffer> | undefined;
  try {
    root = open<Buffer, Buffer>({ path, maxDbs: 8, noSync: durability === "os", ...transactions, ...binary });
    const epoch = await readOrMakeEpoch(root, folder);
    const { now, before } = logEpochsIn(root, epoch);
    if (marker && marker.epoch !== now && marker.epoch !== before)
      throw badFile(path, `it is another log than the one that log.json names (epoch ${now}, not ${marker.epoch})`);
    const opened = await storeIn(root, { folder, epoch, unlock, log });
    await bringUpToDate(root, opened, log);
    const isLossAccepted = marker === undefined && !isNew;
    const isRenewed = marker !== undefined && marker.epoch !== now;
    const store = await behindWal(opened.store, { folder, durability, log, isLossAccepted, isRenewed });
    // Last, so that a start which is killed before it is done again. What the marker names is on the disk.
    const logEpoch = new RoomEpochs(store).logEpochs.now;
    if (marker?.epoch !== logEpoch) {
      flushLog(folder);
      writeMarker(folder, { epoch: logEpoch });
    }
    return store;
  } catch (cause) {
    await root?.close();
    if (cause instanceof StoreError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`the log in ${folder} cannot be opened: ${why}`, { cause });
  }
}

/** @throws StoreError: the log is not there although there was one, or its file is not one of LMDB's. */
function refuseBadFile(path: string, marker: LogMarker | undefined): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (marker && !stats)
    throw badFile(path, "it is gone, although the folder had a log; to begin an empty one, remove log.json");
  if (marker && stats?.size === 0)
    throw badFile(path, "it is empty, although the folder had a log; to begin an empty one, remove log.json");
  const trouble = troubleWithLogFile(path);
  if (trouble) throw badFile(path, trouble);
}

function badFile(path: string, trouble: string): StoreError {
  return new StoreError(`${path} cannot be opened: ${trouble}; restore it, or choose another folder with --data`);
}

/** Run a step; the system's errors become one line that says what cannot be done. */
async function asStoreError<T>(what: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof FolderLockedError) throw cause;
    if (!("code" in cause)) throw new StoreError(cause.message, { cause });
    throw new StoreError(`${what} (${String(cause.code)}); choose another folder with --data`, { cause });
  }
}

interface OpenLog {
  readonly folder: string;
  readonly epoch: number;
  readonly unlock: () => Promise<void>;
  readonly log: ClockLog;
}

interface OpenStore {
  readonly store: Store;
  /** Collects what a write changes. */
  readonly changes: ChangeList;
}

async function storeIn(
  root: RootDatabase<Buffer, Buffer>,
  { folder, epoch, unlock, log }: OpenLog,
): Promise<OpenStore> {
  const path = join(folder, folderFiles.log);
  const place = new LogPlace(folder, [path, join(folder, lockFileOf(folderFiles.lock))]);
  const transactions = new Transactions(root, place);
  const [blocks, ids, rooms, meta, zeros] = ["blocks", "ids", "rooms", "meta", "zeros"].map((name) =>
    root.openDB<Buffer, Buffer>({ name, ...binary }),
  ) as [LogTable, LogTable, LogTable, LogTable, LogTable];
  const changes = new ChangeList();
  const idTable = changes.tableOf(ids);
  const snapshots = new ForeignSnapshots(root, log);
  let usedBytes = 0;
  const store: Store = {
    epoch,
    entries: new BlockTable(changes.tableOf(blocks, true)),
    ids: { ...idTable, dropBelow: (key, more) => dropBelow(idTable, key, more) },
    rooms: { ...changes.tableOf(rooms), count: () => numberOf(rooms, "entryCount") },
    meta: changes.tableOf(meta),
    usedBytes: () => {
      try {
        usedBytes = [blocks, ids, rooms, meta].reduce((sum, table) => sum + usedBytesOf(table), 0);
      } catch (cause) {
        transactions.fail(
          `the log cannot be read any more (${cause instanceof Error ? cause.message : String(cause)})`,
        );
      }
      return usedBytes;
    },
    claim: () => transactions.claim(),
    write: async (write) => {
      // A view that was read last may still be open, and would not show what was stored since: not to this write, nor to those
      // who read after it.
      root.resetReadTxn();
      await transactions.write(changes.collect(write));
      root.resetReadTxn();
    },
    failure: () => transactions.failure,
    trouble: () => transactions.failure ?? place.trouble(),
    sweep: () => snapshots.look(),
    scrub: (signal, alone = (step) => step()) =>
      new LogScrub({ root, tables: [blocks, ids, rooms, meta], blocks, meta, zeros, transactions, path }, alone).run(
        signal,
      ),
    close: async (isWhole = true) => {
      const isGood = isWhole && store.trouble() === undefined;
      await root.close();
      if (isGood) sayClosed(folder);
      await unlock();
    },
  };
  await claimIfPossible(store);
  return { store, changes };
}

/** A full disk can still be read: the log is claimed before the first write that succeeds. */
async function claimIfPossible(store: Store): Promise<void> {
  try {
    await store.claim();
  } catch (failure) {
    if (!(failure instanceof WriteError) || store.failure() !== undefined) throw failure;
  }
}

/** @throws Error: the log has an earlier format and cannot be converted. */
async function bringUpToDate(
  root: RootDatabase<Buffer, Buffer>,
  { store, changes }: OpenStore,
  log: ClockLog,
): Promise<void> {
  const format = store.meta.get(formatKey)?.readUInt32BE(0) ?? 0;
  const isBegun = store.meta.get(convertingKey) !== undefined;
  if (format === formatVersion && !isBegun) return;
  try {
    await store.claim();
    // First, so that no program of an earlier version opens a log of which it would see a part.
    await store.write(() => {
      void store.meta.put(formatKey, uint32(formatVersion));
      void store.meta.put(convertingKey, uint32(formatVersion));
      if (format < 4) keepSharedEpoch(store);
    });
    const entries = changes.tableOf(root.openDB<Buffer, Buffer>({ name: "entries", ...binary }));
    await convertLog({ store, entries, log });
    await store.write(() => void store.meta.remove(convertingKey));
  } catch (cause) {
    if (!(cause instanceof WriteError)) throw cause;
    const reason = cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
    throw new Error(`it has format ${format} and cannot be converted to ${formatVersion} (${reason})`, { cause });
  }
}

interface WalOpening {
  readonly folder: string;
  readonly durability: Durability;
  readonly log: ClockLog;
  /** The operator has removed the marker of a folder that has a log. */
  readonly isLossAccepted: boolean;
  /** A start has renewed the epochs and was killed before it said so in the marker. Nothing was acknowledged since then. */
  readonly isRenewed: boolean;
}

/** @throws Error: what was acknowledged last is missing or damaged. */
async function behindWal(below: Store, { folder, durability, log, ...opening }: WalOpening): Promise<WalStore> {
  const files = new WalFiles(folder, () => below.trouble());
  const mayBeGone = opening.isLossAccepted || opening.isRenewed || !hasWal(below);
  const applied = appliedIn(below);
  const { now } = new RoomEpochs(below).logEpochs;
  const { records, isCut, ...last } = readLeft(files.take(now, mayBeGone), now, applied, mayBeGone);
  if (isCut) {
    const facts = { fromRecord: applied + records.length + 1, toRecord: last.lastSequence };
    log.warn(
      facts,
      "messages that were acknowledged are lost: they were not flushed (--durability os), or log.json was removed",
    );
  }
  const renewed = isCut || opening.isLossAccepted ? newSeed([now]) : undefined;
  const wal = new WriteAheadLog(files, { ...last, epoch: renewed ?? now, isFlushing: durability === "fsync" });
  const store = new WalStore(below, wal, { contents: records.map(({ content }) => content), isCut });
  if (renewed !== undefined) {
    log.warn(
      {},
      "all rooms begin another epoch, since messages may be lost; positions up to what the log has stay good",
    );
    store.changeLeft(() => renewEpochs(store, renewed));
    // Before there are files of the new epoch, and before a client can get a position of it.
    await store.storeLeft();
  }
  try {
    wal.open();
    await store.storeLeft();
  } catch (failure) {
    // A full disk can still be read, and the next start finds the records again.
    if (!(failure instanceof WriteError) || store.failure() !== undefined) throw failure;
  }
  return store;
}

function logEpochsIn(root: RootDatabase<Buffer, Buffer>, epoch: number): RoomEpochs["logEpochs"] {
  return new RoomEpochs({ epoch, meta: root.openDB<Buffer, Buffer>({ name: "meta", ...binary }) }).logEpochs;
}

async function readOrMakeEpoch(root: RootDatabase<Buffer, Buffer>, folder: string): Promise<number> {
  const meta = root.openDB({ name: "meta", ...binary });
  const format = meta.get(formatKey)?.readUInt32BE(0);
  const epoch = meta.get(epochKey)?.readUInt32BE(0);
  if (format !== undefined && epoch !== undefined) {
    if (format <= formatVersion) return epoch;
    throw new StoreError(
      `the log in ${folder} has format ${format}, and this version reads up to ${formatVersion}; update confab, or choose another folder with --data`,
    );
  }
  const made = randomInt(1, 2 ** 32);
  await root.batch(() => {
    void meta.put(formatKey, uint32(formatVersion));
    void meta.put(epochKey, uint32(made));
  });
  return made;
}

/** The pages of a table (lmdb.h, MDB_stat). */
function usedBytesOf(table: LogTable): number {
  const pages = ["treeBranchPageCount", "treeLeafPageCount", "overflowPages"].map((name) => numberOf(table, name));
  return pages.reduce((sum, count) => sum + count, 0) * numberOf(table, "pageSize");
}

function numberOf(table: LogTable, statistic: string): number {
  const value = (table.getStats() as Record<string, unknown>)[statistic];
  if (typeof value === "number") return value;
  throw new Error(`LMDB did not say what ${statistic} is`);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
