import type { CaseResult } from "../bench-case.js";
import type { BenchRun } from "../bench-run.js";
import { isNoisy } from "../figures.js";
import type { Goal } from "../goal.js";
import { columns } from "./columns.js";
import { formatShare } from "./table.js";

/** How the figures came to be: the machine, the rounds, the servers. */
export function introduction({ machine, rounds, startedAt, tookSeconds, versions, isComplete }: BenchRun) {
  const pinning = machine.pinned ? "server on core 0, load on core 1" : "server and load not pinned: figures vary more";
  const others = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${machine.cores} cores of ${machine.cpuModel}, ${machine.memoryGiB} GiB; ${machine.kernel}; Node ${machine.node}`,
    `${pinning}; ${rounds === 1 ? "one round" : `medians of ${rounds} rounds, ± half of what lies between the lowest and the highest`}; loopback`,
    `${startedAt.slice(0, 16).replace("T", " ")} UTC, ${Math.round(tookSeconds / 60)} minutes`,
    ...(others.length > 0 ? [`beside ${others.join(", ")}`] : []),
    ...(machine.logIsInMemory
      ? ["The temporary folder is in memory: flushes cost nothing here, so durable sends look too good."]
      : []),
    ...(isComplete ? [] : ["INTERRUPTED: what was not measured until then is missing."]),
  ];
}

/** A case as cells: a head, then a line for each row. */
export function tableOf({ scenario, rows }: CaseResult): readonly (readonly string[])[] {
  const shown = columns[scenario];
  return [
    ["", ...shown.map((column) => column.head)],
    ...rows.map((row) => [row.label, ...shown.map((column) => column.cell(row, rows))]),
  ];
}

/** Why rows, or rounds of them, could not run; each reason once. */
export function failuresOf({ rows }: CaseResult): readonly string[] {
  return rows.flatMap(({ label, failures, rounds }) =>
    [...new Set(failures)].map((reason) => {
      const share = failures.length < rounds.length ? ` (${failures.length} of ${rounds.length} rounds)` : "";
      return `${label} could not run${share}: ${reason}`;
    }),
  );
}

/** Each target that was measured, as verdict, claim and figure. */
export function goalRows(goals: readonly Goal[]): readonly (readonly [string, string, string])[] {
  return goals
    .filter(({ isMet }) => isMet !== undefined)
    .map(({ isMet, isNoisy: inNoise, claim, figure }) => [
      `${isMet ? "pass" : "MISS"}${inNoise ? " (noisy)" : ""}`,
      claim,
      figure,
    ]);
}

/** A warning, if other programs were busy while this was measured. */
export function noiseOf(results: readonly CaseResult[]): readonly string[] {
  const shares = results.flatMap(({ rows }) => rows.map(({ figures }) => figures.othersCoreShare ?? 0));
  const othersCoreShare = Math.max(0, ...shares);
  if (!isNoisy({ othersCoreShare })) return [];
  return [
    `Other programs used up to ${formatShare(othersCoreShare)} of a core meanwhile. Repeat this on a quiet machine before you rely on it.`,
  ];
}
