import type { BenchCase, CaseResult, CaseRow } from "./bench-case.js";
import { type Figures, isNoisy, medianFigures } from "./figures.js";
import { formatShare } from "./report/table.js";
import type { Sandbox } from "./sandbox.js";

export interface RunOptions {
  readonly sandbox: Sandbox;
  readonly rounds: number;
  /** How often a run that other programs disturbed is made at the most; the least disturbed one counts. */
  readonly maxAttempts: number;
  /** Told before each run, and what came of it. */
  readonly progress: (line: string) => void;
  /** One run's figures in a few words. */
  readonly summary: (figures: Figures) => string;
  /** Ends the bench: the run in hand is given up, and what was measured until then is the result. */
  readonly signal: AbortSignal;
}

const maxReasonLength = 300;

/**
 * Run every row of every case, `rounds` times. A round goes through all rows before the next begins, so that what else
 * the machine does falls on all servers alike; every second round goes through them backwards, so that no server always runs
 * behind the same one. A run that fails is reported and does not stop the others.
 */
export async function runCases(cases: readonly BenchCase[], options: RunOptions): Promise<readonly CaseResult[]> {
  const rows = cases.flatMap((benchCase) => benchCase.rows.map((row) => ({ id: benchCase.id, row })));
  const rounds = new Map<CaseRow, Figures[]>();
  const failures = new Map<CaseRow, string[]>();
  const interrupted = new Promise<never>((_, reject) => {
    options.signal.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
  // It is raced against every run; without any it is nobody's.
  interrupted.catch(() => undefined);
  for (let round = 1, run = 1; round <= options.rounds; round += 1) {
    for (const { id, row } of round % 2 === 1 ? rows : rows.toReversed()) {
      if (options.signal.aborted) break;
      const place = `[${run}/${rows.length * options.rounds}] ${id} ${row.label}`;
      run += 1;
      try {
        const figures = await Promise.race([quietestRun(row, options), interrupted]);
        append(rounds, row, figures);
        options.progress(`${place}: ${options.summary(figures)}`);
      } catch (error) {
        // Whatever an interrupted run says, it is not the server's failure.
        if (options.signal.aborted) break;
        const reason = oneLine(error instanceof Error ? error.message : String(error));
        append(failures, row, reason);
        // Rounds keep their places: a ratio is taken between rows of the same one.
        append(rounds, row, {});
        options.progress(`${place}: could not run: ${reason}`);
      }
    }
  }
  return cases.map(({ id, scenario, title, rows }) => ({
    id,
    scenario,
    title,
    rows: rows.map((row) => {
      const figures = rounds.get(row) ?? [];
      return {
        label: row.label,
        target: row.target,
        rounds: figures,
        figures: medianFigures(figures),
        failures: failures.get(row) ?? [],
      };
    }),
  }));
}

/** A program's last words may be a page; the table has a line. */
function oneLine(text: string): string {
  const flat = text.replaceAll(/\s+/g, " ");
  return flat.length > maxReasonLength ? `${flat.slice(0, maxReasonLength)}…` : flat;
}

/** Chosen by what others did, never by how the server under test did: that would be picking the results. */
async function quietestRun(row: CaseRow, options: RunOptions): Promise<Figures> {
  let quietest = await row.run(options.sandbox);
  for (let attempt = 2; attempt <= options.maxAttempts && isNoisy(quietest); attempt += 1) {
    options.progress(`  other programs used ${formatShare(quietest.othersCoreShare)} of a core: once more`);
    const figures = await row.run(options.sandbox);
    if ((figures.othersCoreShare ?? 0) < (quietest.othersCoreShare ?? 0)) quietest = figures;
  }
  return quietest;
}

function append<Value>(lists: Map<CaseRow, Value[]>, row: CaseRow, value: Value): void {
  const list = lists.get(row);
  if (list === undefined) lists.set(row, [value]);
  else list.push(value);
}
