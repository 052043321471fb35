/** `npm run bench`: measure Confab beside its floor and its peers. */
import { closeSync, openSync, writeFileSync } from "node:fs";
import { answerOptions } from "../answer-options.js";
import { casesFor } from "./cases.js";
import { judgeGoals } from "./goals.js";
import { describeMachine } from "./machine.js";
import { type BenchOptions, parseOptions, usage } from "./options.js";
import { reportLines, summarise } from "./report.js";
import { runCases } from "./run-cases.js";
import { Sandbox } from "./sandbox.js";

const exitCodes = { ok: 0, runFailed: 1, wrongOption: 2, interrupted: 130 } as const;

process.exitCode = await answerOptions(parseOptions(process.argv.slice(2)), usage, bench);

async function bench(options: BenchOptions): Promise<number> {
  if (options.jsonFile !== undefined && !isWritable(options.jsonFile)) {
    process.stderr.write(`--json: '${options.jsonFile}' cannot be written\n`);
    return exitCodes.wrongOption;
  }
  const machine = describeMachine();
  const sandbox = new Sandbox(machine.pinned);
  process.once("exit", () => sandbox.close());
  // For every signal and not the first one only: a second Ctrl-C must not end the tidying up of the first.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(exitCodes.interrupted));

  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const results = await runCases(casesFor(options, machine), {
    sandbox,
    rounds: options.rounds,
    // A quick run has its five minutes and no more.
    maxAttempts: options.isQuick ? 1 : 3,
    progress,
    summary: summarise,
  });
  const goals = judgeGoals(results);
  process.stdout.write(`${reportLines(machine, options.rounds, results, goals).join("\n")}\n`);
  if (options.jsonFile !== undefined) {
    writeFileSync(options.jsonFile, `${JSON.stringify({ machine, options, results, goals }, null, 2)}\n`);
  }
  const hasFailure = results.some((result) => result.rows.some((row) => row.failures.length > 0));
  return hasFailure ? exitCodes.runFailed : exitCodes.ok;
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
