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

/** The LMDB environment of one data folder. Values go in and come out as bytes. */
export interface Store {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly entries: Database<Buffer, Buffer>;
  readonly ids: Database<Buffer, Buffer>;
  readonly rooms: Database<Buffer, Buffer>;
  /** Which incarnation of the log this is; made when the folder was new. */
  readonly epoch: number;
  /**
   * Store all that `write` puts and removes, or nothing of it. The promises of the single writes say nothing; this one
   * resolves when the transaction is committed, which is before it is flushed (`root.flushed`).
   */
  write(write: () => void): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * One batch is one transaction. Without batches lmdb would make one of all the writes of a turn, with a promise that nobody
 * is given: when the disk is full it rejects, and ends the process (lmdb 3.5.6).
 */
const batching = { eventTurnBatching: false } as const;

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
    root = open<Buffer, Buffer>({ path, maxDbs: 8, noSync: durability === "os", ...batching, ...binary });
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
  return {
    root,
    epoch: await readOrMakeEpoch(meta, root, folder),
    entries: root.openDB({ name: "entries", ...binary }),
    ids: root.openDB({ name: "ids", ...binary }),
    rooms: root.openDB({ name: "rooms", ...binary }),
    write: (write) => root.batch(write),
    close: async () => {
      await root.close();
      unlock();
    },
  };
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
  await root.flushed;
  return made;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
