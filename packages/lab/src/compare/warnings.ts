import { fullCoreShare, noisyCoreShare } from "../bench/figures.js";
import type { Machine } from "../bench/machine.js";
import type { ContenderFindings, Findings } from "./findings.js";

/** What is wrong with the machine before anything is measured. */
export function setUpWarnings(machine: Machine): string[] {
  const warnings: string[] = [];
  if (machine.cores < 2)
    warnings.push("There is no free core: server and clients share the only one, and each waits for the other.");
  else if (!machine.pinned)
    warnings.push("taskset is not installed: server and clients are not kept on cores of their own.");
  return warnings;
}

/** What went on while it was measured. */
export function rateWarnings({ contenders }: Findings, subscribers: number): string[] {
  const warnings: string[] = [];
  for (const { contender, rounds, fanouts } of contenders) {
    for (const run of [{ subscribers, rounds }, ...fanouts]) warnings.push(...lateWarnings(contender.label, run));
    const all = [rounds, ...fanouts.map((run) => run.rounds)].flat();
    const full = all.filter(({ clientCoreShare }) => clientCoreShare >= fullCoreShare);
    if (full.length > 0)
      warnings.push(
        `${contender.label}: the lab's clients had no time left in ${full.length} of ${all.length} runs, so latency there is theirs.`,
      );
  }
  const all = contenders.flatMap(({ rounds }) => rounds);
  const noisy = all.filter((round) => round.othersCoreShare > noisyCoreShare);
  if (noisy.length > all.length / 10)
    warnings.push(
      `Other programs used more than a tenth of a core in ${noisy.length} of ${all.length} runs: expect ties that a quiet machine would not show.`,
    );
  return warnings;
}

function lateWarnings(label: string, { subscribers, rounds }: ContenderFindings["fanouts"][number]): readonly string[] {
  const late = rounds.filter((round) => !round.keptRate);
  if (late.length === 0) return [];
  const how = late.map(({ delivered, expected, fellBehindUs = 0 }) =>
    delivered < expected
      ? `${Math.floor((100 * delivered) / Math.max(expected, 1))} % delivered in time`
      : `${Math.round(fellBehindUs / 1000)} ms behind at the end`,
  );
  return [
    `${label} did not keep the rate in ${late.length} of ${rounds.length} rounds with ${subscribers} reader${subscribers === 1 ? "" : "s"} (${how.join(", ")}). Those rounds count for nothing else.`,
  ];
}
