import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { answerOptions } from "../answer-options.js";
import type { CaseResult } from "./bench-case.js";
import { casesFor } from "./cases.js";
import { changeLines, changesBetween } from "./changes.js";
import { judgeGoals } from "./goals.js";
import { describeMachine } from "./machine.js";
import { type BenchOptions, parseOptions, usage } from "./options.js";
import { reportLines, summarise } from "./report.js";
import { runCases } from "./run-cases.js";
import { Sandbox } from "./sandbox.js";

/** Of a bench: all ran; a run could not be made, or something got worse; a wrong option; Ctrl-C. */
export type BenchExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const exitCodes = { ok: 0, failed: 1, wrongOption: 2, interrupted: 130 } as const;

/** What the bench is called, for its own texts: `npm run bench --` or `confab bench`. */
export async function runBench(argv: readonly string[], program: string): Promise<BenchExitCode> {
  return await answerOptions(parseOptions(argv), usage(program), bench);
}

async function bench(options: BenchOptions): Promise<BenchExitCode> {
  if (options.jsonFile !== undefined && !isWritable(options.jsonFile)) return refuse("--json", options.jsonFile);
  const before = options.compareFile === undefined ? [] : resultsIn(options.compareFile);
  if (before === undefined) return refuse("--compare", options.compareFile ?? "");
  const machine = describeMachine();
  const sandbox = new Sandbox(machine.pinned);
  process.once("exit", () => sandbox.close());
  // For every signal and not the first one only: a second Ctrl-C must not end the tidying up of the first.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(exitCodes.interrupted));

  const results = await runCases(casesFor(options, machine), {
    sandbox,
    rounds: options.rounds,
    // A quick run has its five minutes and no more.
    maxAttempts: options.isQuick ? 1 : 3,
    progress: (line) => void process.stderr.write(`${line}\n`),
    summary: summarise,
  });
  const goals = judgeGoals(results);
  const changes = changesBetween(before, results);
  const lines = [...reportLines(machine, options.rounds, results, goals)];
  if (options.compareFile !== undefined) lines.push(...changeLines(changes, options.compareFile));
  process.stdout.write(`${lines.join("\n")}\n`);
  if (options.jsonFile !== undefined) {
    writeFileSync(options.jsonFile, `${JSON.stringify({ machine, options, results, goals, changes }, null, 2)}\n`);
  }
  const hasFailure = results.some((result) => result.rows.some((row) => row.failures.length > 0));
  return hasFailure || changes.some(({ verdict }) => verdict === "worse") ? exitCodes.failed : exitCodes.ok;
}

function refuse(option: string, file: string): BenchExitCode {
  const why = option === "--json" ? "cannot be written" : "is not what --json of this bench writes";
  process.stderr.write(`${option}: '${file}' ${why}\n`);
  return exitCodes.wrongOption;
}

/** Asked before the minutes of measuring, not after them. What the file holds stays until there is something better. */
function isWritable(file: string): boolean {
  try {
    closeSync(openSync(file, "a"));
    return true;
  } catch {
    // Whatever the system's reason is, the user has to name another file.
    return false;
  }
}

/** The results that a file holds; undefined: it has none, or cannot be read. */
function resultsIn(file: string): readonly CaseResult[] | undefined {
  try {
    const { results } = JSON.parse(readFileSync(file, "utf8")) as { results?: readonly CaseResult[] };
    return Array.isArray(results) && results.every(({ rows }) => Array.isArray(rows)) ? results : undefined;
  } catch {
    // Missing or no JSON: the answer is the same.
    return undefined;
  }
}
