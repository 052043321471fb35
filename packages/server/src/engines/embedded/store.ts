import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { lockFolder } from "./folder-lock.js";
import { troubleWithLogFile } from "./log-file.js";

/** Raised with every change of the layout that an older program would misread. */
const formatVersion = 1;

export type Durability = "fsync" | "os";

/** Why a data folder cannot be used; the message says what to do. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

export interface KeyRange {
  /** The first key; with `reverse` the last one. */
  readonly start?: Buffer;
  /** The first key that is not part of it any more, in its direction. */
  readonly end?: Buffer;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Keys and values in the order of their keys' bytes. What is put and removed outside of `Store.write` is an error. */
export interface Table {
  get(key: Buffer): Buffer | undefined;
  /** As `get`, in memory that is valid until the store is asked for something else. */
  getBinaryFast(key: Buffer): Buffer | undefined;
  put(key: Buffer, value: Buffer): unknown;
  remove(key: Buffer): unknown;
  getKeys(range: KeyRange): Iterable<Buffer>;
  getRange(range: KeyRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
}

/** The durable state of one data folder: what the embedded engine needs of LMDB, and what its tests replace. */
export interface Store {
  readonly entries: Table;
  readonly ids: Table;
  readonly rooms: Table & {
    /** How many keys there are. */
    count(): number;
  };
  /** What the log knows of itself. */
  readonly meta: Table;
  /** Which incarnation of the log this is; made when the folder was new. */
  readonly epoch: number;
  /**
   * Store all that `write` puts and removes, or nothing of it. Resolves when it is durable; nothing of it can be read
   * before. One at a time.
   *
   * @throws WriteError: it was not stored, or that is unknown.
   */
  write(write: () => void): Promise<void>;
  /** Why nothing can be written or read any more until the log is opened again; undefined while that is possible. */
  failure(): string | undefined;
  close(): Promise<void>;
}

/** A transaction that did not become durable. */
export class WriteError extends Error {
  override readonly name = "WriteError";

  /**
   * `isOutcomeKnown`: nothing of it was stored, and nothing of it ever will be. Otherwise reading tells; or the next opening
   * of the log, if `Store.failure` says that this one is of no use any more.
   */
  constructor(
    readonly isOutcomeKnown: boolean,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
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

const binary = { encoding: "binary", keyEncoding: "binary" } as const;

/**
 * Open a data folder, making it if it is not there.
 *
 * @throws StoreError: it cannot be made or written, or a newer version wrote it. FolderLockedError: it is in use.
 */
export async function openStore(folder: string, durability: Durability): Promise<Store> {
  let unlock: () => void;
  try {
    mkdirSync(folder, { recursive: true });
    unlock = lockFolder(folder);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause) {
      throw new StoreError(
        `the data folder ${folder} cannot be written (${String(cause.code)}); choose another with --data`,
        { cause },
      );
    }
    throw cause;
  }
  let root: RootDatabase<Buffer, Buffer> | undefined;
  try {
    const path = join(folder, "log.mdb");
    const trouble = troubleWithLogFile(path);
    if (trouble)
      throw new StoreError(`${path} cannot be opened: ${trouble}; restore it, or choose another folder with --data`);
    root = open<Buffer, Buffer>({ path, maxDbs: 8, noSync: durability === "os", ...transactions, ...binary });
    return await storeIn(root, folder, unlock);
  } catch (cause) {
    await root?.close();
    unlock();
    if (cause instanceof StoreError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`the log in ${folder} cannot be opened: ${why}`, { cause });
  }
}

async function storeIn(root: RootDatabase<Buffer, Buffer>, folder: string, unlock: () => void): Promise<Store> {
  const meta = root.openDB({ name: "meta", ...binary });
  const transactions = new Transactions(root);
  const rooms = root.openDB({ name: "rooms", ...binary });
  return {
    epoch: await readOrMakeEpoch(meta, root, folder),
    entries: root.openDB({ name: "entries", ...binary }),
    ids: root.openDB({ name: "ids", ...binary }),
    rooms: Object.assign(rooms, { count: () => entryCountOf(rooms) }),
    meta,
    write: (write) => transactions.write(write),
    failure: () => transactions.failure,
    close: async () => {
      await root.close();
      unlock();
    },
  };
}

/** The log's transactions, one at a time. */
class Transactions {
  /** Set by the first failure after which LMDB refuses everything. */
  failure: string | undefined;

  constructor(private readonly root: RootDatabase<Buffer, Buffer>) {}

  async write(write: () => void): Promise<void> {
    // lmdb gives no answer to a transaction that it cannot begin (3.5.6).
    if (this.failure !== undefined) throw new WriteError(true, this.failure);
    try {
      await this.root.batch(write);
    } catch (failure) {
      const cause = await reasonOf(failure);
      if (this.canRead()) throw new WriteError(true, "the log could not be written", { cause });
      this.failure = "the disk failed in the middle of a write to the log; restart the server";
      throw new WriteError(false, "the disk did not confirm the write", { cause });
    }
  }

  /**
   * Whether LMDB still works. It stops (MDB_PANIC) when the write of a meta page fails: that page makes a transaction the
   * newest one, and it may be on the disk or not. All other failures come before, and the transaction is as if never made.
   */
  private canRead(): boolean {
    try {
      // What was read last is still open, and would not tell.
      this.root.resetReadTxn();
      this.root.get(Buffer.from("any key"));
      return true;
    } catch {
      // Any error means the same: the environment is of no use any more.
      return false;
    }
  }
}

/** Why a batch was rejected: lmdb gives the reason as a promise of its own, which always rejects. */
async function reasonOf(failure: unknown): Promise<unknown> {
  if (!(failure instanceof Error && "commitError" in failure)) return failure;
  try {
    return await failure.commitError;
  } catch (reason) {
    return reason;
  }
}

async function readOrMakeEpoch(
  meta: Database<Buffer, Buffer>,
  root: RootDatabase<Buffer, Buffer>,
  folder: string,
): Promise<number> {
  const formatKey = Buffer.from("format");
  const epochKey = Buffer.from("epoch");
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

function entryCountOf(database: Database<Buffer, Buffer>): number {
  const stats = database.getStats();
  if ("entryCount" in stats && typeof stats.entryCount === "number") return stats.entryCount;
  throw new Error("LMDB did not say how many keys there are");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
