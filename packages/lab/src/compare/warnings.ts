import type { Machine } from "../bench/machine.js";
import type { Findings } from "./findings.js";

/** From here on other programs' work shows in the figures, in cores. */
const noisyCoreShare = 0.1;

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
export function rateWarnings({ contenders }: Findings): string[] {
  const warnings: string[] = [];
  for (const { contender, rounds } of contenders) {
    const late = rounds.filter((round) => !round.keptRate);
    if (late.length === 0) continue;
    const shares = late.map((round) => `${Math.floor((100 * round.delivered) / Math.max(round.expected, 1))} %`);
    warnings.push(
      `${contender.label} did not keep the rate in ${late.length} of ${rounds.length} rounds ` +
        `(delivered in time: ${shares.join(", ")}). Those rounds count for nothing else.`,
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
