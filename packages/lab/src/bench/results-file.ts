import type { CaseId, CaseResult } from "./bench-case.js";
import type { BenchRun } from "./bench-run.js";
import type { FigureName } from "./figures.js";
import { formatFigure } from "./report/table.js";

/** The published figures: what README and docs take theirs from. A case stands in one run only, the last that measured it. */
export interface ResultsFile {
  readonly runs: readonly BenchRun[];
}

/** Fewer rounds do not tell a difference of some per cent from noise (docs/decisions/0014). */
export const minPublishedRounds = 5;

/** Why a run may not be published; undefined: it may. */
export function whyUnpublishable({ rounds, isComplete, results }: BenchRun): string | undefined {
  if (!isComplete) return "the run was interrupted";
  if (rounds < minPublishedRounds)
    return `it has ${rounds} rounds; a published figure has at least ${minPublishedRounds}`;
  const failed = results.flatMap(({ title, rows }) =>
    rows.flatMap(({ label, failures }) => failures.map((reason) => `${title}, ${label}: ${reason}`)),
  );
  return failed.length === 0 ? undefined : failed.join("\n");
}

/** The file with a run's cases in place of those that it had. */
export function withRun({ runs }: ResultsFile, run: BenchRun): ResultsFile {
  const measured = new Set(run.results.map(({ id }) => id));
  const kept = runs
    .map((earlier) => ({ ...earlier, results: earlier.results.filter(({ id }) => !measured.has(id)) }))
    .filter(({ results }) => results.length > 0);
  return { runs: [...kept, run] };
}

/** Every case of the file. */
export function allResults({ runs }: ResultsFile): readonly CaseResult[] {
  return runs.flatMap(({ results }) => results);
}

/** One median as a document writes it, divided by `perUnit`; undefined: the file does not have it. */
export function publishedFigure(
  file: ResultsFile,
  { id, label, name, perUnit = 1 }: { id: CaseId; label: string; name: FigureName; perUnit?: number },
): string | undefined {
  const row = allResults(file)
    .find((result) => result.id === id)
    ?.rows.find((each) => each.label === label);
  const value = row?.figures[name];
  return value === undefined ? undefined : formatFigure(value / perUnit);
}
