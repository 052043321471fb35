import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./log-check-process.js", import.meta.url));

/** How long the check may say nothing before it is taken for stuck, in milliseconds. It says something for each part of the log. */
const silenceTimeoutMs = 120_000;

/** The line that the process says last when the log is whole, and how a line begins that says what is wrong. */
export const wholeLine = "whole";
export const troublePrefix = "trouble: ";

/**
 * Read the whole log, to find damage before it is served. Resolves with what is wrong; undefined: nothing was found.
 *
 * In a child process: on damaged pages LMDB may end the process that reads them (SIGBUS, SIGSEGV, SIGABRT), or never
 * come back. Nothing else may use the log meanwhile.
 */
export async function checkLog(path: string): Promise<string | undefined> {
  const child = spawn(process.execPath, [program, path], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close") as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  const giveUp = setTimeout(() => child.kill("SIGKILL"), silenceTimeoutMs);
  let last = "";
  createInterface(child.stdout).on("line", (line) => {
    last = line;
    giveUp.refresh();
  });
  const [code, signal] = await ended;
  clearTimeout(giveUp);
  if (last.startsWith(troublePrefix)) return last.slice(troublePrefix.length);
  if (code === 0 && last === wholeLine) return undefined;
  const how = signal === "SIGKILL" ? "does not end" : `ends with ${signal ?? `exit code ${code}`}`;
  return `it is damaged: reading it ${how}`;
}
