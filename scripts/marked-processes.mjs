import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long what a test has just told to end may take to be gone: a browser is a dozen processes. */
const graceMs = 3_000;

/** How often a guard looks. */
const lookIntervalMs = 2_000;

/**
 * Kills every process with the mark that lives longer than `maxAgeMs`, until the returned function is called; that one
 * waits until the others have left by themselves, kills what has not, and gives all that had to be killed, each as process
 * id and command line.
 *
 * A process has the mark when its environment holds it (`NAME=value`); what it starts inherits it, so that also those
 * are found that made themselves independent of their parent. This process is not one of them. Linux only: elsewhere
 * none is found.
 *
 * @param {string} mark
 * @param {number} maxAgeMs
 * @returns {() => Promise<string[]>}
 */
export function guardMarkedProcesses(mark, maxAgeMs) {
  /** @type {Map<number, number>} */
  const firstSeenAtMs = new Map();
  /** @type {Map<number, string>} */
  const killed = new Map();

  /** @param {MarkedProcess} marked */
  function kill({ pid, command }) {
    killed.set(pid, command);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It left between the look and the kill, which is what we wanted.
    }
  }

  const timer = setInterval(() => {
    const now = Date.now();
    for (const marked of markedProcesses(mark)) {
      const seenAtMs = firstSeenAtMs.get(marked.pid) ?? now;
      firstSeenAtMs.set(marked.pid, seenAtMs);
      if (now - seenAtMs > maxAgeMs) kill(marked);
    }
  }, lookIntervalMs);
  timer.unref();

  return async () => {
    clearInterval(timer);
    const giveUpAtMs = Date.now() + graceMs;
    while (markedProcesses(mark).length > 0 && Date.now() < giveUpAtMs) await delay(100);
    for (const marked of markedProcesses(mark)) kill(marked);
    return [...killed].map(([pid, command]) => `${pid} ${shortened(command)}`);
  };
}

/** @typedef {{ pid: number, command: string }} MarkedProcess */

/**
 * @param {string} mark
 * @returns {MarkedProcess[]}
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

/**
 * Node gives its test files dozens of options; the program and the last arguments tell which one it is.
 *
 * @param {string} command
 */
function shortened(command) {
  return command.length <= 200 ? command : `${command.slice(0, 60)} … ${command.slice(-120)}`;
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
