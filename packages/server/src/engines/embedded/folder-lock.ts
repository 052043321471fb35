import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Another process serves this folder: two writers would give one position to two messages. */
export class FolderLockedError extends Error {
  override readonly name = "FolderLockedError";
}

/**
 * Take a data folder for this process. The result gives it back; a process that dies leaves its lock behind, and the next
 * one sees that its owner is gone.
 *
 * The lock is a file with the owner's process id and start time: Node has no flock, and an id alone comes back (in a
 * container the server is process 1 every time).
 *
 * @throws FolderLockedError: a living process holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "lock");
  const mine = `${process.pid} ${startTimeOf(process.pid) ?? ""}`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, mine, { flag: "wx" });
      return () => {
        // Whoever took a stale lock over has written its own line; then there is nothing of ours to remove.
        if (readOwner(path) === mine) rmSync(path, { force: true });
      };
    } catch (error) {
      if (!isCode(error, "EEXIST")) throw error;
    }
    const owner = readOwner(path);
    const [pid = "", startTime = ""] = owner?.split(" ") ?? [];
    if (owner !== undefined && (attempt > 0 || isAlive(Number(pid), startTime))) {
      throw new FolderLockedError(`the data folder ${folder} is in use by process ${pid}`);
    }
    rmSync(path, { force: true });
  }
}

function readOwner(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isAlive(pid: number, startTime: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, but is somebody else's.
    if (!isCode(error, "EPERM")) return false;
  }
  const now = startTimeOf(pid);
  return now === undefined || startTime === "" || now === startTime;
}

/** When a process started, in clock ticks since boot (proc(5), field 22 of /proc/pid/stat); undefined where there is no /proc. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the program's name in parentheses and may hold blanks; field 3 follows the last parenthesis.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ESRCH")) return undefined;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
