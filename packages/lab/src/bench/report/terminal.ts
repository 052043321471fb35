import type { BenchRun } from "../bench-run.js";
import { failuresOf, goalRows, introduction, noiseOf, tableOf } from "./facts.js";
import { layOut } from "./table.js";

/** The whole report as lines of text. */
export function reportLines(run: BenchRun): readonly string[] {
  const goals = goalRows(run.goals).map(([verdict, claim, figure]) => `${verdict.padEnd(12)}  ${claim}: ${figure}`);
  return [
    ...introduction(run),
    ...run.results.flatMap((result) =>
      section(result.title, [...layOut(tableOf(result)), ...failuresOf(result).map((line) => `  ${line}`)]),
    ),
    ...section("Left out", run.leftOut),
    ...section("Targets", goals),
    ...section("Noise", noiseOf(run.results)),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}
