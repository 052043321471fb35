import type { BenchRun } from "../bench-run.js";
import { failuresOf, goalRows, introduction, noiseOf, tableOf } from "./facts.js";

/** The whole report as a page of Markdown: what `--markdown` writes. */
export function reportPage(run: BenchRun): string {
  const blocks = [
    "# What the bench measured",
    "Written by the command below; not edited. What the rows and columns are, and how they are measured, is in the lab's README.",
    `    ${run.command}`,
    list(introduction(run)),
    ...run.results.flatMap((result) => {
      const [head = [], ...body] = tableOf(result);
      return [`## ${result.title}`, table(head, body), list(failuresOf(result))];
    }),
    ...section("Left out", list(run.leftOut)),
    ...section("Targets", table(["", "target", "measured"], goalRows(run.goals))),
    ...section("Noise", list(noiseOf(run.results))),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
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
