import { randomInt } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { open, type RootDatabase } from "lmdb";
import { folderFiles, lockFileOf, prepareFile } from "./data-folder.js";
import { readersOf } from "./lmdb-tables.js";
import { troubleWithLogFile } from "./log-file.js";
import { makeEnvironment } from "./make-environment.js";

/** Another server serves this folder: two writers would give one position to two messages. */
export class FolderLockedError extends Error {
  override readonly name = "FolderLockedError";
}

/** Servers that start in the same moment refuse each other; each tries again after a random time, doubled each time. */
const maxAttempts = 6;
const firstPauseMs = 20;

/**
 * Folders of this process, by device and inode. The same LMDB environment must not be opened twice in one process: closing
 * any descriptor of its lock file gives up the process's locks (fcntl(2), "Advisory record locking").
 */
const heldHere = new Set<string>();

/** Enter a folder that this process opens; the result takes that back. @throws FolderLockedError: it has opened it already. */
export function enterFolder(folder: string): () => void {
  const { dev, ino } = statSync(folder, { bigint: true });
  const id = `${dev}:${ino}`;
  if (heldHere.has(id)) throw new FolderLockedError(`the data folder ${folder} is in use by process ${process.pid}`);
  heldHere.add(id);
  return () => void heldHere.delete(id);
}

/**
 * Take a data folder for this process; the result gives it back. The kernel gives it back when the process ends, however it
 * ends, and knows of all processes on the machine, whatever their PID namespace.
 *
 * The lock is a separate small LMDB environment. LMDB holds a lock of the kernel on its lock file as long as it is open, and
 * clears the table of readers in that file when no other process has it open. So a process that
 *
 *   1. opens the environment and sees no reader,   2. enters itself as a reader,   3. and is still the only one
 *
 * is the only one until it closes it: of two processes one enters second, and sees the other in step 3. Nothing is waited for
 * and nothing is ever removed: a lock that may be held is respected (docs/decisions/0018).
 *
 * @throws FolderLockedError: it is held. StoreError's causes: the lock's files cannot be made.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const release = enterFolder(folder);
  try {
    const path = join(folder, folderFiles.lock);
    // Which file this is does not matter, and none of them ever changes: the kernel's lock is on the other one.
    if (isMissingOrBad(path)) await makeEnvironment(path, async () => undefined);
    for (const file of [path, lockFileOf(path)]) prepareFile(file);
    for (let attempt = 0; ; attempt++) {
      const holder = await tryToLock(path);
      if (typeof holder !== "number") return () => holder.close().then(release);
      if (attempt === maxAttempts)
        throw new FolderLockedError(`the data folder ${folder} is in use by ${processName(holder)}`);
      await pause(randomInt(firstPauseMs << attempt));
    }
  } catch (failure) {
    release();
    throw failure;
  }
}

function isMissingOrBad(path: string): boolean {
  return !statSync(path, { throwIfNoEntry: false })?.size || troubleWithLogFile(path) !== undefined;
}

/** The lock, or the process id of the one that has it or is about to. */
async function tryToLock(path: string): Promise<RootDatabase | number> {
  const environment = open({ path, maxDbs: 1, overlappingSync: false });
  let holder = readersOf(environment)[0]?.pid;
  if (holder === undefined) {
    const hasEntered = enter(environment);
    const readers = readersOf(environment);
    if (hasEntered && readers.length === 1) return environment;
    holder = readers.find(({ pid }) => pid !== process.pid)?.pid ?? process.pid;
  }
  await environment.close();
  return holder;
}

/** Enter this process in the table of readers, until the environment is closed. */
function enter(environment: RootDatabase): boolean {
  try {
    environment.get("");
    return true;
  } catch {
    // A process with the same id, in another PID namespace, has entered since the table was read: LMDB locks a byte of the
    // file at the process id. lmdb tries for ten seconds before it says so.
    return false;
  }
}

function processName(pid: number): string {
  return pid === process.pid ? `a server of another container, whose process id is ${pid} too` : `process ${pid}`;
}
