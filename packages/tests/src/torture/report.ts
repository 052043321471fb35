import type { Violation } from "./evidence.js";
import type { TortureResult } from "./run-torture.js";

/** Violations are printed up to this many: they tend to have one cause. */
const maxPrinted = 12;

/** The result for people. */
export function reportText(result: TortureResult, seed: number): string {
  const { figures, violations, met, isPartial } = result;
  const lines = [
    `log         ${figures.logged} messages in ${figures.rooms} rooms`,
    `sends       ${figures.acknowledged} acknowledged; ${figures.unacknowledged} not, of which the log has ${figures.unacknowledgedInLog}`,
    `readers     ${figures.readers}, who heard ${figures.compared} messages`,
    `proxy       ${countsText(met.proxy)}`,
    `clients     ${countsText(met.clients)}`,
  ];
  for (const violation of violations.slice(0, maxPrinted)) lines.push("", ...violationLines(violation));
  if (violations.length > maxPrinted) lines.push("", `and ${violations.length - maxPrinted} more`);
  const partial = isPartial ? " (partial: ended early)" : "";
  const verdict =
    violations.length === 0
      ? "every acknowledged message once, in order and whole at every reader; every other at most once"
      : `BROKEN: ${violations.length} violations`;
  return [...lines, "", `seed ${seed}: ${verdict}${partial}`, ""].join("\n");
}

function violationLines({ what, where, events = [] }: Violation): string[] {
  return [`BROKEN at ${where}: ${what}`, ...events.map((event) => `    ${event}`)];
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([what, count]) => `${what} ${count}`)
    .join(", ");
}
