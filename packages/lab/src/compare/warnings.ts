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

/** What went on while it was measured: one text for each kind of thing, with all transports that it happened to. */
export function rateWarnings({ contenders }: Findings, subscribers: number): string[] {
  const warnings: string[] = [];
  const late = contenders.flatMap(({ contender, rounds, fanouts }) =>
    [{ subscribers, rounds }, ...fanouts].flatMap((run) => lateText(contender.label, run)),
  );
  if (late.length > 0) warnings.push(`Rounds that did not keep the rate are not used elsewhere: ${late.join("; ")}.`);
  const full = contenders.flatMap(({ contender, rounds, fanouts }) => {
    const all = [rounds, ...fanouts.map((run) => run.rounds)].flat();
    const count = all.filter(({ clientCoreShare }) => clientCoreShare >= fullCoreShare).length;
    return count === 0 ? [] : [`${contender.label}, ${count} of ${all.length}`];
  });
  if (full.length > 0)
    warnings.push(
      `The lab's clients had no time left in some runs, so latency there is theirs and not the server's: ${full.join("; ")}.`,
    );
  const all = contenders.flatMap(({ rounds }) => rounds);
  const noisy = all.filter((round) => round.othersCoreShare > noisyCoreShare);
  if (noisy.length > all.length / 10)
    warnings.push(
      `Other programs used more than a tenth of a core in ${noisy.length} of ${all.length} runs: expect ties that a quiet machine would not show.`,
    );
  return warnings;
}

/** How many rounds with that many readers were late, and by how much the latest of them. */
function lateText(label: string, { subscribers, rounds }: ContenderFindings["fanouts"][number]): readonly string[] {
  const late = rounds.filter((round) => !round.keptRate);
  if (late.length === 0) return [];
  const lost = late.filter(({ delivered, expected }) => delivered < expected);
  const least = Math.min(
    ...lost.map(({ delivered, expected }) => Math.floor((100 * delivered) / Math.max(expected, 1))),
  );
  const behindMs = Math.round(Math.max(...late.map(({ fellBehindUs = 0 }) => fellBehindUs)) / 1000);
  const how = lost.length > 0 ? `as few as ${least} % delivered in time` : `up to ${behindMs} ms behind at the end`;
  const readers = `${subscribers} reader${subscribers === 1 ? "" : "s"}`;
  return [`${label}, ${late.length} of ${rounds.length} with ${readers} (${how})`];
}
