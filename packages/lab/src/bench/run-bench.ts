import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { answerOptions } from "../answer-options.js";
import type { CaseResult } from "./bench-case.js";
import type { BenchRun } from "./bench-run.js";
import { chooseCases } from "./cases.js";
import { changeLines, changesBetween } from "./changes.js";
import { judgeGoals } from "./goals.js";
import { describeMachine } from "./machine.js";
import { type BenchOptions, parseOptions, type TargetName, usage } from "./options.js";
import { reportPage } from "./report/page.js";
import { summarise } from "./report/summary.js";
import { reportLines } from "./report/terminal.js";
import { type ResultsFile, whyUnpublishable, withRun } from "./results-file.js";
import { runCases } from "./run-cases.js";
import { Sandbox } from "./sandbox.js";
import { builtCommit } from "./targets/before.js";
import { whyMissing } from "./targets/programs.js";
import { commitBeforeHooks } from "./targets/start-target.js";
import { versionOf } from "./targets/versions.js";

/** Of a bench: all ran; a run could not be made, or something got worse; a wrong option; Ctrl-C. */
export type BenchExitCode = (typeof exitCodes)[keyof typeof exitCodes];

const exitCodes = { ok: 0, failed: 1, wrongOption: 2, interrupted: 130 } as const;

/** What the bench is called, for its own texts: `npm run bench --` or `confab bench`. */
export async function runBench(argv: readonly string[], program: string): Promise<BenchExitCode> {
  const command = [program, ...argv].join(" ");
  return await answerOptions(parseOptions(argv), usage(program), (options) => bench(options, command));
}

async function bench(options: BenchOptions, command: string): Promise<BenchExitCode> {
  for (const [option, file] of [["--json", options.jsonFile] as const, ["--markdown", options.markdownFile] as const])
    if (file !== undefined && !isWritable(file)) return refuse(option, file, "cannot be written");
  const published = options.updateFile === undefined ? undefined : publishedIn(options.updateFile);
  if (published === "not one") return refuse("--update", options.updateFile ?? "", "is not a results file");
  const before = options.compareFile === undefined ? [] : resultsIn(options.compareFile);
  if (before === undefined)
    return refuse("--compare", options.compareFile ?? "", "is not what --json of this bench writes");

  const run = await measured(options, command);
  const changes = changesBetween(before, run.results);
  const lines = [...reportLines(run)];
  if (options.compareFile !== undefined) lines.push(...changeLines(changes, options.compareFile));
  process.stdout.write(`${lines.join("\n")}\n`);
  if (options.jsonFile !== undefined)
    writeFileSync(options.jsonFile, `${JSON.stringify({ ...run, options, changes }, null, 2)}\n`);
  if (options.markdownFile !== undefined) writeFileSync(options.markdownFile, reportPage(run));

  if (options.updateFile !== undefined && published !== undefined) {
    const reason = whyUnpublishable(run);
    if (reason === undefined)
      writeFileSync(options.updateFile, `${JSON.stringify(withRun(published, run), null, 1)}\n`);
    else process.stderr.write(`--update: ${options.updateFile} stays as it was: ${reason}\n`);
    if (reason !== undefined && run.isComplete) return exitCodes.failed;
  }

  if (!run.isComplete) return exitCodes.interrupted;
  const hasFailure = run.results.some(({ rows }) => rows.some(({ failures }) => failures.length > 0));
  return hasFailure || changes.some(({ verdict }) => verdict === "worse") ? exitCodes.failed : exitCodes.ok;
}

async function measured(options: BenchOptions, command: string): Promise<BenchRun> {
  const startedAt = new Date();
  const machine = describeMachine();
  const sandbox = new Sandbox(machine.pinned, options.before);
  process.once("exit", () => sandbox.close());
  const interrupt = interruption();
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const { cases, leftOut } = chooseCases(
    options,
    machine,
    (name) => whyMissing(name) ?? whyNoBefore(name, options, progress),
  );
  for (const line of leftOut) progress(`left out: ${line}`);

  const results = await runCases(cases, {
    sandbox,
    rounds: options.rounds,
    // A quick run has its minutes and no more.
    maxAttempts: options.isQuick ? 1 : 3,
    progress,
    summary: summarise,
    signal: interrupt,
  });
  sandbox.close();
  return {
    command,
    startedAt: startedAt.toISOString(),
    tookSeconds: (Date.now() - startedAt.getTime()) / 1000,
    machine,
    versions: versionsOf(new Set(cases.flatMap(({ rows }) => rows.map(({ target }) => target))), options.before),
    rounds: options.rounds,
    isComplete: !interrupt.aborted,
    results,
    leftOut,
    goals: judgeGoals(results),
  };
}

/** Why the earlier server cannot run here. It is built now, so that the minutes of the build disturb no measurement. */
function whyNoBefore(name: string, { before }: BenchOptions, progress: (line: string) => void): string | undefined {
  if (name !== "before" && name !== "before-hooks") return undefined;
  try {
    builtCommit(name === "before" ? before : commitBeforeHooks, progress);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function versionsOf(targets: ReadonlySet<TargetName>, before: string): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const target of targets) {
    const version = target === "before" ? before : target === "before-hooks" ? commitBeforeHooks : versionOf(target);
    if (version !== undefined) versions[target] = version;
  }
  return versions;
}

/** Aborted by the first Ctrl-C, after which there is a report of what was measured; the second ends the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(exitCodes.interrupted);
      controller.abort();
    });
  return controller.signal;
}

function refuse(option: string, file: string, why: string): BenchExitCode {
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

/** What a results file holds; a file that does not exist holds nothing yet. */
function publishedIn(file: string): ResultsFile | "not one" {
  if (!existsSync(file)) return { runs: [] };
  try {
    const { runs } = JSON.parse(readFileSync(file, "utf8")) as Partial<ResultsFile>;
    return Array.isArray(runs) ? { runs } : "not one";
  } catch {
    // No JSON: the user named another file.
    return "not one";
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
