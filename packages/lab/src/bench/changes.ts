import type { CaseResult, RowResult } from "./bench-case.js";
import type { FigureName } from "./figures.js";
import { ratiosTo, valuesOf } from "./rounds.js";
import { median } from "./statistics.js";

/** What is better when it is less, and when it is more. The other figures say how a run was made. */
const direction: { readonly [name in FigureName]?: "less" | "more" } = {
  cpuUsPerDelivery: "less",
  bytesPerDelivery: "less",
  highestRatePerSecond: "more",
  requestsPerSecond: "more",
  cpuUsPerRequest: "less",
  messagesPerSecond: "more",
  cpuUsPerMessage: "less",
  startUs: "less",
  allLiveUs: "less",
  p99DuringUs: "less",
  stalledGrowthBytes: "less",
  rssPeakBytes: "less",
  p99Us: "less",
  rssPerConnectionBytes: "less",
  redisBytesPerMessage: "less",
  enteredPerSecond: "more",
  redisBytesPerMember: "less",
  goneUs: "less",
};

/** A difference that is worth a word, of 1: with rounds that tell how far a figure wanders, and with too few to tell. */
const noticeable = { manyRounds: 0.05, fewRounds: 0.25 } as const;
const enoughRounds = 3;

/** A figure of Confab's that is another one now, beyond the noise. */
export interface Change {
  readonly title: string;
  readonly label: string;
  readonly name: FigureName;
  readonly verdict: "worse" | "better";
  /** New over old, of the medians; beside the case's first row of another server, where there is one. */
  readonly ratio: number;
  /** What it was measured against in its own run; undefined: nothing, so machines count. */
  readonly beside: string | undefined;
}

/**
 * What changed between two runs of the bench, for the rows that are in both.
 *
 * A figure is taken beside the same one of the floor or first peer in the same round, where that has it, so that a slower
 * hour of the machine is no change. It has changed if the medians differ by more than 5 % and no round of one lies within
 * the rounds of the other; with fewer than three rounds in either, if they differ by more than 25 %.
 */
export function changesBetween(before: readonly CaseResult[], after: readonly CaseResult[]): readonly Change[] {
  return after.flatMap((newCase) => {
    const oldCase = before.find(({ id }) => id === newCase.id);
    if (!oldCase) return [];
    return newCase.rows.flatMap((newRow) => {
      const oldRow = oldCase.rows.find(({ label }) => label === newRow.label);
      if (newRow.target !== "confab" || !oldRow) return [];
      return Object.keys(direction).flatMap((name) => {
        const change = changeOf(name as FigureName, { ...oldCase, row: oldRow }, { ...newCase, row: newRow });
        return change ? [{ title: newCase.title, label: newRow.label, ...change }] : [];
      });
    });
  });
}

interface RowInCase {
  readonly rows: readonly RowResult[];
  readonly row: RowResult;
}

function changeOf(name: FigureName, before: RowInCase, after: RowInCase): Omit<Change, "title" | "label"> | undefined {
  const base = baseOf(name, before, after);
  const [old, now] = [valuesBeside(base, name, before), valuesBeside(base, name, after)];
  const [oldMedian, newMedian] = [median(old), median(now)];
  if (oldMedian === undefined || newMedian === undefined || oldMedian <= 0) return undefined;
  const ratio = newMedian / oldMedian;
  const hasMany = Math.min(old.length, now.length) >= enoughRounds;
  if (Math.abs(ratio - 1) <= (hasMany ? noticeable.manyRounds : noticeable.fewRounds)) return undefined;
  if (hasMany && Math.max(...old) >= Math.min(...now) && Math.max(...now) >= Math.min(...old)) return undefined;
  const isLess = ratio < 1;
  return { name, ratio, beside: base, verdict: isLess === (direction[name] === "less") ? "better" : "worse" };
}

/** The label of the first row of another server that has the figure in both runs. */
function baseOf(name: FigureName, before: RowInCase, after: RowInCase): string | undefined {
  const has = ({ rows }: RowInCase, label: string) =>
    rows.some((row) => row.label === label && row.target !== "confab" && (row.figures[name] ?? 0) > 0);
  return after.rows.find(({ label }) => has(after, label) && has(before, label))?.label;
}

function valuesBeside(base: string | undefined, name: FigureName, { rows, row }: RowInCase): readonly number[] {
  const besides = rows.find(({ label }) => label === base);
  return besides === undefined ? valuesOf(row, name) : ratiosTo(besides, row, name);
}

/** The changes for people, worse ones first. */
export function changeLines(changes: readonly Change[], file: string): readonly string[] {
  const lines = [...changes]
    .sort((a, b) => Number(a.verdict === "better") - Number(b.verdict === "better"))
    .map(({ verdict, ratio, title, label, name, beside }) => {
      const against = beside === undefined ? "as measured" : `beside ${beside}`;
      return `${verdict.toUpperCase().padEnd(7)} ${label}: ${name} × ${ratio.toFixed(2)} (${against})   ${title}`;
    });
  return ["", `Compared with ${file}`, ...(lines.length > 0 ? lines : ["nothing changed beyond the noise"])];
}
