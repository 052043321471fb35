import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long what a test has just told to end may take to be gone: a browser is a dozen processes. */
const graceMs = 3_000;

/**
 * Ends the processes whose environment holds `mark` (`NAME=value`), this one excepted, after giving them a moment to
 * leave by themselves. Linux only: elsewhere it finds none.
 *
 * @param {string} mark
 * @returns {Promise<string[]>} the ones that had to be killed: process id and command line
 */
export async function endMarkedProcesses(mark) {
  const giveUpAt = Date.now() + graceMs;
  while (markedProcesses(mark).length > 0 && Date.now() < giveUpAt) await delay(100);
  const left = markedProcesses(mark);
  for (const { pid } of left) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It left between the look and the kill, which is what we wanted.
    }
  }
  return left.map(({ pid, command }) => `${pid} ${command}`);
}

/**
 * @param {string} mark
 * @returns {{ pid: number, command: string }[]}
 */
function markedProcesses(mark) {
  const ids = readFolder("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number);
  return ids.flatMap((pid) => {
    if (pid === process.pid || !read(`/proc/${pid}/environ`).split("\0").includes(mark)) return [];
    return [{ pid, command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() }];
  });
}

/** @param {string} path */
function readFolder(path) {
  try {
    return readdirSync(path);
  } catch {
    // Not Linux.
    return [];
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // Gone meanwhile, or another user's: either way none of ours.
    return "";
  }
}
