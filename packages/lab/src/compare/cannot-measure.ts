import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { lastLineOf } from "../bench/child-output.js";
import type { RunningChild } from "../bench/sandbox.js";

/** A process that the comparison needs did not start, or the server ended. The message is for the user. */
export class CannotMeasureError extends Error {
  override readonly name = "CannotMeasureError";
}

/** How long after a process has ended its last words may still arrive, in milliseconds. */
const lastWordsMs = 200;

/** How a process ended, and what it said last: `exit code 3: Error: …`; `undefined`: it runs. */
export function endingOf(child: RunningChild): string | undefined {
  const { exitCode, signalCode } = child.process;
  if (child.pid === -1) return withWords("the program could not be run", child);
  if (exitCode === null && signalCode === null) return undefined;
  return withWords(signalCode ?? `exit code ${exitCode}`, child);
}

/** The same once its last words are complete. */
export async function completeEndingOf(child: RunningChild): Promise<string | undefined> {
  if (endingOf(child) !== undefined) await Promise.race([once(child.process, "close"), sleep(lastWordsMs)]);
  return endingOf(child);
}

/** @param how what is known of a process, before its last words. */
export function withWords(how: string, child: RunningChild): string {
  const words = lastLineOf(child);
  return words === "" ? how : `${how}: ${words}`;
}
