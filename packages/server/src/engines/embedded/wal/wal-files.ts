import { randomUUID } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
  writev,
  writevSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { flushFolder, isCode, prepareFile } from "../data-folder.js";
import { fileIdOf } from "../log-place.js";
import { fileHeaderBytes, hasFileHeader } from "./records.js";
import { type WalFile, type WalPlace, wayOut } from "./write-ahead-log.js";

const names = ["wal-0", "wal-1"] as const;

/** What was taken from an earlier process, and is not in the store yet. */
const takenName = /^wal-[01]\.[0-9a-f-]+\.taken$/;

/** What a process that was killed had not finished. */
const unfinishedName = /^wal-[01]\.[0-9a-f-]+\.new$/;

/**
 * The size that a new file has at once, in bytes. So a full disk has room for some records, and what is written there changes
 * no length that would have to be flushed too.
 */
const firstFileBytes = 1_048_576;

/** A record of at most so many bytes is copied to the kernel in this turn of the event loop: sooner done than waited for. */
const maxSyncBytes = 262_144;

/** Bytes that are overwritten with one call. */
const wipedBytes = 1_048_576;
const zeros = Buffer.alloc(wipedBytes);

const flush = promisify(fdatasync);
const writeLater = promisify(writev);

/**
 * The files of the write-ahead log in a data folder. A server that opens the folder takes them away from the one before, by
 * renaming both, and then reads them. The one before looks after each flush whether its file is still there. So what it
 * acknowledges will be read by the next one; and once the next one reads, it acknowledges nothing any more.
 */
export class WalFiles implements WalPlace {
  private files: readonly NodeWalFile[] = [];
  private isForgotten = false;

  constructor(
    private readonly folder: string,
    /** What is wrong with the data folder as a whole, if something is. */
    private readonly folderTrouble: () => string | undefined,
  ) {}

  /**
   * Take over what earlier processes have left: their files, from which nothing will vanish any more. `isLossAccepted`: they may
   * be gone or damaged, as in a folder that never had them.
   *
   * @throws Error: one of them is gone or damaged. The system's error: they cannot be read.
   */
  take(epoch: number, isLossAccepted: boolean): Buffer[] {
    const taken = randomUUID();
    const found = readdirSync(this.folder);
    for (const name of found) if (unfinishedName.test(name)) rmSync(join(this.folder, name), { force: true });
    const own = names.filter((name) => found.includes(name));
    for (const name of own) renameSync(join(this.folder, name), join(this.folder, `${name}.${taken}.taken`));
    if (own.length > 0) flushFolder(this.folder);
    const left = this.taken();
    for (const name of names) {
      if (!isLossAccepted && !left.some((each) => each.startsWith(name)))
        throw new Error(`its write-ahead log is gone: there is no file ${name}; ${wayOut}`);
    }
    return left.flatMap((name) => {
      const file = readFlushed(join(this.folder, name));
      if (file.length >= firstFileBytes && hasFileHeader(file, epoch)) return file;
      if (isLossAccepted) return [];
      throw new Error(`its write-ahead log is damaged: ${name} is cut off, overwritten, or of another log; ${wayOut}`);
    });
  }

  forgetLeft(): void {
    // Without files of this process they are the ones that the next start looks for.
    if (this.isForgotten || this.files.length === 0) return;
    this.isForgotten = true;
    try {
      for (const name of this.taken()) rmSync(join(this.folder, name), { force: true });
    } catch {
      // The next start finds again what is there, and that all of it is in the store.
    }
  }

  open(header: Buffer): readonly [WalFile, WalFile] {
    const opened: NodeWalFile[] = [];
    try {
      for (const name of names) opened.push(new NodeWalFile(join(this.folder, name), header, this.folderTrouble));
      flushFolder(this.folder);
    } catch (failure) {
      for (const file of opened) file.remove();
      throw failure;
    }
    this.files = opened;
    return opened as [NodeWalFile, NodeWalFile];
  }

  trouble(): string | undefined {
    // Without files: a folder that is another server's by now must not get files of this one.
    if (this.files.length === 0) return this.folderTrouble();
    return this.files[0]?.trouble() ?? this.files[1]?.trouble();
  }

  async close(): Promise<void> {
    for (const file of this.files) file.close();
    this.files = [];
  }

  private taken(): string[] {
    return readdirSync(this.folder).filter((name) => takenName.test(name));
  }
}

class NodeWalFile implements WalFile {
  private readonly handle: number;
  private readonly id: string | undefined;

  /** Under another name first: what has the name is whole. @throws the system's error: it cannot be made, or is there already. */
  constructor(
    private readonly path: string,
    header: Buffer,
    private readonly folderTrouble: () => string | undefined,
  ) {
    const fresh = `${path}.${randomUUID()}.new`;
    this.handle = openSync(fresh, "wx+", 0o600);
    try {
      prepareFile(fresh);
      const start = Buffer.alloc(firstFileBytes);
      header.copy(start);
      for (let at = 0; at < start.length; ) at += writeSync(this.handle, start, at, start.length - at, at);
      fsyncSync(this.handle);
      // Of this very file, whichever has the name by then.
      this.id = fileIdOf(fresh);
      giveName(fresh, path);
    } catch (failure) {
      closeSync(this.handle);
      rmSync(fresh, { force: true });
      throw failure;
    }
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> | void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length > maxSyncBytes) return this.writeLarge(parts, position);
    for (let rest = parts, at = position; rest.length > 0; ) {
      const written = writevSync(this.handle, rest, at);
      at += written;
      rest = after(rest, written);
    }
  }

  flush(): Promise<void> {
    return flush(this.handle);
  }

  async wipe(): Promise<void> {
    const end = fstatSync(this.handle).size;
    for (let at = fileHeaderBytes; at < end; at += wipedBytes)
      await this.writeLarge([zeros.subarray(0, Math.min(wipedBytes, end - at))], at);
    await this.flush();
  }

  trouble(): string | undefined {
    if (fileIdOf(this.path) === this.id) return undefined;
    return (
      this.folderTrouble() ??
      "another server has taken the write-ahead log over, or it was removed; this one must be stopped"
    );
  }

  close(): void {
    closeSync(this.handle);
  }

  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }

  private async writeLarge(parts: readonly Uint8Array[], position: number): Promise<void> {
    for (let rest = parts, at = position; rest.length > 0; ) {
      const { bytesWritten } = await writeLater(this.handle, rest, at);
      at += bytesWritten;
      rest = after(rest, bytesWritten);
    }
  }
}

/** Give a file its name, unless another file has it. @throws the system's error, EEXIST */
function giveName(fresh: string, path: string): void {
  try {
    linkSync(fresh, path);
  } catch (failure) {
    // A file system without links.
    if (!["EPERM", "ENOTSUP", "ENOSYS"].some((code) => isCode(failure, code))) throw failure;
    if (existsSync(path)) throw new Error(`${path} is there already: another server has made it`);
    renameSync(fresh, path);
    return;
  }
  rmSync(fresh);
}

/** What a file has, all of it on the disk: what is read from it must not vanish later. */
function readFlushed(path: string): Buffer {
  const file = openSync(path, "r+");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return readFileSync(path);
}

/** What is left of some parts when so many bytes of them were written. */
function after(parts: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  const rest: Uint8Array[] = [];
  for (const part of parts) {
    if (written < part.length) rest.push(part.subarray(written));
    written = Math.max(0, written - part.length);
  }
  return rest;
}
