import { readFileSync } from "node:fs";
import { uncountedReaders } from "./measure/idle.js";
import { type CompareOptions, planFor } from "./options.js";

/** What a process has open beside its readers' connections: some forty were counted. */
const otherFiles = 64;

/** How many files one process has open at a time: the server has a connection for each reader, and the clients the other end. */
export function openFilesNeeded(options: CompareOptions): number {
  const { fanouts, idleConnections } = planFor(options);
  const isDelayed = options.contenders.some(({ addedDelayMs }) => addedDelayMs > 0);
  // The relay that slows a transport down lives with its clients, and has two ends for each of theirs.
  const socketsPerReader = isDelayed ? 3 : 1;
  return otherFiles + Math.max(idleConnections + uncountedReaders, Math.max(...fanouts) * socketsPerReader);
}

/**
 * Why this machine cannot run a comparison, before any of it is measured; undefined: it can. The limit is that of this
 * process, which its children inherit; Node has raised it as far as it may.
 */
export function openFilesProblem(
  options: CompareOptions,
  allowed = openFilesAllowed(readFileSync("/proc/self/limits", "latin1")),
): string | undefined {
  const needed = openFilesNeeded(options);
  if (needed <= allowed) return undefined;
  return `this comparison opens up to ${needed} files and sockets in one process, and ${allowed} are allowed here: ulimit -n ${needed}`;
}

/** The soft limit, of `/proc/PID/limits`. */
export function openFilesAllowed(limits: string): number {
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limits)?.[1];
  return soft === undefined || soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft);
}
