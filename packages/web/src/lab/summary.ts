import type { LabResult, TransportResult } from "./result.js";
import { quantileOf, type Spread, spreadOf, type Verdict, verdictOf } from "./statistics.js";
import type { LabTransportName } from "./transports.js";

/** The times that transports are compared by, all in milliseconds. */
export const timeNames = ["open", "p50", "p95", "p99"] as const;
export type TimeName = (typeof timeNames)[number];

export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly verdicts: Readonly<Record<TimeName, Verdict>>;
  /** What a reader has to know before the figures are believed. */
  readonly warnings: readonly string[];
}

export interface SummaryRow {
  readonly transport: TransportResult;
  /** Each is the median of the rounds that kept the rate; without any, it is not there. */
  readonly times: Readonly<Partial<Record<TimeName, Spread>>>;
  /** Rounds that did not keep the rate: they count for nothing but `open`. */
  readonly lateRounds: number;
}

/** What a comparison's rounds say so far. `labelOf` names transports in the warnings. */
export function summaryOf(result: LabResult, labelOf: (name: LabTransportName) => string): Summary {
  const intervalMs = 1_000 / result.settings.ratePerSecond;
  const rows = result.transports.map((transport) => rowOf(transport, intervalMs));
  const verdictBy = (name: TimeName) => {
    const spreads = rows.flatMap(({ transport, times }): [LabTransportName, Spread][] => {
      const spread = times[name];
      return spread ? [[transport.name, spread]] : [];
    });
    return verdictOf(new Map(spreads), result.clockStepMs);
  };
  return {
    rows,
    verdicts: { open: verdictBy("open"), p50: verdictBy("p50"), p95: verdictBy("p95"), p99: verdictBy("p99") },
    warnings: warningsOf(result, rows, labelOf),
  };
}

function rowOf(transport: TransportResult, intervalMs: number): SummaryRow {
  const { rounds } = transport;
  const kept = rounds.filter((round) => keptRate(round, intervalMs));
  const of = (share: number) =>
    spreadOf(kept.flatMap(({ latenciesMs }) => quantileOf(latenciesMs.filter(isNumber), share) ?? []));
  const times = { open: spreadOf(rounds.map(({ openMs }) => openMs)), p50: of(0.5), p95: of(0.95), p99: of(0.99) };
  return { transport, times: withoutUndefined(times), lateRounds: rounds.length - kept.length };
}

/** All messages came back, and the browser sent nineteen of twenty before the next one was due. */
export function keptRate(
  { latenciesMs, latenessMs }: Pick<TransportResult["rounds"][number], "latenciesMs" | "latenessMs">,
  intervalMs: number,
): boolean {
  return latenciesMs.every(isNumber) && (quantileOf(latenessMs, 0.95) ?? 0) <= intervalMs;
}

function isNumber(value: number | null): value is number {
  return value !== null;
}

function withoutUndefined(times: Readonly<Record<TimeName, Spread | undefined>>): Partial<Record<TimeName, Spread>> {
  return Object.fromEntries(Object.entries(times).filter(([, spread]) => spread !== undefined));
}

function warningsOf(
  result: LabResult,
  rows: readonly SummaryRow[],
  labelOf: (name: LabTransportName) => string,
): string[] {
  const warnings = rows.flatMap(({ transport: { name, failure, rounds }, lateRounds }) => {
    const label = labelOf(name);
    const failed = failure === undefined ? [] : [`${label} failed and takes no part from there on: ${failure}.`];
    const late = `${label} did not keep the rate in ${lateRounds} of ${rounds.length} rounds; they do not count for its latency.`;
    return lateRounds === 0 ? failed : [...failed, late];
  });
  if (result.browser.wasHidden)
    warnings.push("The page was in the background for some of the time. Browsers give less to hidden pages.");
  if (!result.isComplete) warnings.push("Not all rounds are here.");
  if (result.settings.rounds < 4) warnings.push("With fewer than four rounds nothing is told from chance: all tie.");
  return warnings;
}
