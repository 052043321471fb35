import type { LabResult } from "./result.js";
import { messagesPerRound } from "./settings.js";
import { quantileOf, type Verdict } from "./statistics.js";
import type { Summary, TimeName } from "./summary.js";
import { labelOf } from "./transports.js";

/** A time with as many digits as matter: 0.42, 9.75, 12.3, 140. */
export function msText(ms: number): string {
  return ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0);
}

const timeLabels: Readonly<Record<TimeName, string>> = {
  open: "Time to the first message",
  p50: "Latency of the middle message (p50)",
  p95: "Latency that one in twenty exceeds (p95)",
  p99: "Latency that one in a hundred exceeds (p99)",
};

/** A sentence for each time that was measured. */
export function verdictTexts({ verdicts }: Summary): string[] {
  return Object.entries(timeLabels).flatMap(([name, label]) => {
    const verdict = verdicts[name as TimeName];
    return verdict.lowest.length + verdict.higher.length < 2 ? [] : [`${label}: ${verdictText(verdict)}.`];
  });
}

function verdictText({ lowest, higher }: Verdict): string {
  const names = list(lowest.map(labelOf));
  const others = higher.map(({ name, times }) => `${labelOf(name)} ${times.toFixed(2)} times that`);
  if (others.length === 0) return `a tie within the noise: ${names}`;
  const tie = lowest.length === 1 ? "" : ", which tie within the noise";
  return `lowest with ${names}${tie}; ${list(others)}`;
}

/** Parted by semicolons, because the transports' names have commas. */
function list(items: readonly string[]): string {
  return items.join("; ");
}

/** How a comparison came to its end. */
export function endingText({ isComplete, transports }: LabResult): string {
  if (isComplete) return "Done.";
  const failed = transports.filter(({ failure }) => failure !== undefined);
  const reasons = new Set(failed.map(({ failure }) => failure));
  const count = `${failed.length} transport${failed.length === 1 ? "" : "s"} failed`;
  // Each with its name stands among the warnings.
  return `Ended: ${count}: ${[...reasons].join("; ")}.`;
}

/** What is known of this browser and this run, beside the figures. */
export function factTexts({ transports, clockStepMs, room, settings }: LabResult): string[] {
  if (room === undefined) return [];
  const protocols = new Set(transports.flatMap(({ resource }) => resource?.protocol || []));
  const latenessMs = transports.flatMap(({ rounds }) => rounds.flatMap((round) => round.latenessMs));
  const [usualMs, worstMs] = [quantileOf(latenessMs, 0.5), quantileOf(latenessMs, 0.99)];
  const messages = messagesPerRound(settings);
  const compressed = transports.filter(({ bytes, resource }) => {
    return (
      bytes && resource && resource.encodedBodyBytes > 0 && resource.encodedBodyBytes < bytes.acknowledgedBytes - 8
    );
  });
  return [
    protocols.size > 0
      ? `For fetch this browser speaks ${[...protocols].join(" and ")} with this server.`
      : "This browser does not say which version of HTTP it speaks with this server.",
    `Its clock goes in steps of ${Number(clockStepMs.toPrecision(2))} ms.`,
    ...(usualMs === undefined || worstMs === undefined
      ? []
      : [
          `It sent messages ${msText(usualMs)} ms after they were due (p50; p99 ${msText(worstMs)} ms). That is in the latencies.`,
        ]),
    ...(messages < 100 ? [`A round has ${messages} messages of each transport: its p99 is its slowest one.`] : []),
    ...compressed.map(({ name }) => `Answers by ${labelOf(name)} came compressed; counted is what they hold.`),
  ];
}
