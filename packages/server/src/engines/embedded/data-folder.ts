import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The files of a data folder. LMDB has a second file for each of its files, with `-lock` at the end. */
export const folderFiles = {
  log: "log.mdb",
  /** Marks that the folder has a log, and which one; see log-marker.ts. */
  marker: "log.json",
  /** There while the log is closed in order; see log-marker.ts. */
  closed: "log.closed",
  lock: "lock.mdb",
  /** Where processes that read the log connect to the one that owns it; see readers/. */
  readers: "readers.sock",
} as const;

/** All names that a data folder has, or had with an earlier version; `.new` while a file is made. */
const ownName =
  /^(log\.mdb|lock\.mdb|log\.json)((\.[0-9a-f-]+)?\.new)?(-lock)?$|^wal-[01](\.[0-9a-f-]+\.(taken|new))?$|^readers\.sock(\.new)?$|^log\.closed$|^lock$|^admin-token(\.[0-9a-f-]+\.new)?$/;

/** Only the server's user may read messages, whatever the umask. */
const folderMode = 0o700;
const fileMode = 0o600;

/** LMDB's lock file for one of its files. */
export function lockFileOf(file: string): string {
  return `${file}-lock`;
}

/**
 * Make a data folder, and those above it, if it is not there; close it and its files to other users. A folder with other
 * files in it keeps its own mode.
 *
 * @throws the system's error: it cannot be made or written.
 */
export function prepareFolder(folder: string): void {
  makeFolder(folder, folderMode);
  const names = readdirSync(folder);
  if (names.every((name) => ownName.test(name))) closeToOthers(folder, folderMode);
  for (const name of names) if (ownName.test(name)) closeToOthers(join(folder, name), fileMode);
}

/**
 * Make a file that only this user may read, empty, if it is not there. LMDB's binding ends the process when it cannot open
 * a file (lmdb 3.5.6), so this comes first.
 *
 * @throws the system's error: it cannot be made or written.
 */
export function prepareFile(path: string): void {
  writeFileSync(path, "", { flag: "a", mode: fileMode });
  // The mode above is less the umask, which may take the owner's own rights too.
  closeToOthers(path, fileMode);
}

/** Names that were made, renamed or removed in a folder stay so after a power cut. */
export function flushFolder(folder: string): void {
  // Windows has no such thing: it opens no folders.
  if (process.platform === "win32") return;
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** `mkdirSync` with `recursive` never returns where the system says ENOENT below a folder that is there, as in /proc (Node 20). */
function makeFolder(folder: string, mode?: number): void {
  const above = dirname(folder);
  if (above !== folder && !statSync(above, { throwIfNoEntry: false })) makeFolder(above);
  try {
    mkdirSync(folder);
  } catch (error) {
    if (isCode(error, "EEXIST") && statSync(folder).isDirectory()) return;
    throw error;
  }
  if (mode !== undefined) closeToOthers(folder, mode);
  flushFolder(above);
}

/** Give a path its mode, unless it is not ours to change, as a volume of another owner: then its owner has decided who may read it. */
function closeToOthers(path: string, mode: number): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  // Another server that starts now may have renamed its new file.
  if (!stats || (stats.mode & 0o777) === mode || stats.uid !== process.getuid?.()) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    // A file system without modes, such as FAT or a share of Windows; or renamed just now.
    if (!["EPERM", "ENOTSUP", "ENOENT"].some((code) => isCode(error, code))) throw error;
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
