import type { CaseResult } from "./bench-case.js";
import type { Goal } from "./goal.js";
import type { Machine } from "./machine.js";

/** A whole bench: how it was made and what came of it. */
export interface BenchRun {
  /** As it was given, so that others can repeat it. */
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly tookSeconds: number;
  readonly machine: Machine;
  /** Of every server under test that is not Confab's own, by name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** False after Ctrl-C: later rounds, or rows, are missing. */
  readonly isComplete: boolean;
  readonly results: readonly CaseResult[];
  /** What this machine could not run, and what it lacks. */
  readonly leftOut: readonly string[];
  readonly goals: readonly Goal[];
}
