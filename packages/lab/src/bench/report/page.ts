import type { CaseResult } from "../bench-case.js";
import type { BenchRun } from "../bench-run.js";
import { judgeGoals } from "../goals.js";
import { allResults, type ResultsFile } from "../results-file.js";
import { failuresOf, goalRows, introduction, noiseOf, tableOf } from "./facts.js";

/** The whole report as a page of Markdown: what `--markdown` writes. */
export function reportPage(run: BenchRun): string {
  return page(["Written by the command below; not edited.", ...runBlocks(run), ...goalBlocks(run.results)]);
}

/** The published figures as a page: what `npm run docs` writes. */
export function resultsPage(file: ResultsFile): string {
  return page([
    "Written by `npm run docs` from bench-results.json; not edited. A case that a later run measured again stands under that run.",
    ...file.runs.flatMap(runBlocks),
    ...goalBlocks(allResults(file)),
  ]);
}

function page(blocks: readonly string[]): string {
  const head = [
    "# What the bench measured",
    "The lab's README says what the rows and columns are, and how they are measured.",
  ];
  return `${[...head, ...blocks].filter((block) => block !== "").join("\n\n")}\n`;
}

function runBlocks(run: BenchRun): readonly string[] {
  return [
    `    ${run.command}`,
    list(introduction(run)),
    ...run.results.flatMap((result) => {
      const [head = [], ...body] = tableOf(result);
      return [`## ${result.title}`, table(head, body), list(failuresOf(result))];
    }),
    ...section("Left out", list(run.leftOut)),
    ...section("Noise", list(noiseOf(run.results))),
  ];
}

function goalBlocks(results: readonly CaseResult[]): readonly string[] {
  return section("Targets", table(["", "target", "measured"], goalRows(judgeGoals(results))));
}

function section(title: string, text: string): readonly string[] {
  return text === "" ? [] : [`## ${title}`, text];
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

/** The first column aligned left, the others right. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const rule = head.map((_, column) => (column === 0 ? "---" : "---:"));
  return [head, rule, ...rows].map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
}

function escaped(cell: string): string {
  return cell.replaceAll("|", "\\|");
}
