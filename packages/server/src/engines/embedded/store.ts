import { randomInt } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { lockFolder } from "./folder-lock.js";

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
  close(): Promise<void>;
}

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
  try {
    const root = open<Buffer, Buffer>({
      path: join(folder, "log.mdb"),
      maxDbs: 8,
      noSync: durability === "os",
      ...binary,
    });
    const meta = root.openDB({ name: "meta", ...binary });
    return {
      root,
      epoch: await readOrMakeEpoch(meta, root, folder),
      entries: root.openDB({ name: "entries", ...binary }),
      ids: root.openDB({ name: "ids", ...binary }),
      rooms: root.openDB({ name: "rooms", ...binary }),
      close: async () => {
        await root.close();
        unlock();
      },
    };
  } catch (cause) {
    unlock();
    if (cause instanceof StoreError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`the log in ${folder} cannot be opened: ${why}`, { cause });
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
    await root.close();
    throw new StoreError(
      `the log in ${folder} has format ${format}, and this version reads up to ${formatVersion}; update confab, or choose another folder with --data`,
    );
  }
  const made = randomInt(1, 2 ** 32);
  void meta.put(formatKey, uint32(formatVersion));
  await meta.put(epochKey, uint32(made));
  await root.flushed;
  return made;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
