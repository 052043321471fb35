import type { LabTransportName } from "./transports.js";

/** What several rounds say of one figure. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly rounds: number;
}

/** With fewer rounds than this, one lies wholly below another by chance too often: three against three in 1 of 10 cases. */
const minRounds = 4;

/** A smaller share of the larger is a difference that nobody would notice. */
const minShare = 0.05;

/** The value below or at which `share` of the values lie, by nearest rank; `undefined` without values. */
export function quantileOf(values: readonly number[], share: number): number | undefined {
  const rank = Math.ceil(values.length * share);
  return values.toSorted((a, b) => a - b)[Math.max(rank, 1) - 1];
}

/** The rounds' median, with the lowest and the highest of them; `undefined` without rounds. */
export function spreadOf(rounds: readonly number[]): Spread | undefined {
  const sorted = rounds.toSorted((a, b) => a - b);
  const [low, high] = [sorted[0], sorted.at(-1)];
  if (low === undefined || high === undefined) return undefined;
  const half = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(half)] ?? low) + (sorted[Math.ceil(half)] ?? high)) / 2;
  return { median, low, high, rounds: sorted.length };
}

/**
 * Whether `a` is lower than `b` beyond the noise: every round of `a` lies below every round of `b`, and the medians are
 * apart by more than a twentieth and more than a step of the clock. Two that are alike come out so in less than 3 of 100
 * comparisons of four rounds, and in less than 1 of 100 of five (2 ways out of "rounds of a among all rounds").
 */
export function isLower(a: Spread, b: Spread, clockStep: number): boolean {
  if (a.rounds < minRounds || b.rounds < minRounds) return false;
  return a.high < b.low && b.median - a.median > Math.max(minShare * b.median, clockStep);
}

/** How transports compare by one figure. */
export interface Verdict {
  /** Those that nobody is lower than, beyond the noise: the lowest, and whom it ties with. */
  readonly lowest: readonly LabTransportName[];
  /** The others, with how many times the lowest median theirs is. */
  readonly higher: readonly { readonly name: LabTransportName; readonly times: number }[];
}

/**
 * How one transport stands: `lowest` is lower than all others beyond the noise, `tie` has the lowest median or ties with
 * it. Empty: it is higher, or the figure tells no two apart.
 *
 * A tie is not in the order of medians: one with a narrow spread may be higher than the lowest beyond the noise, and
 * another with a higher median and a wide spread may not.
 */
export function standingOf({ lowest, higher }: Verdict, name: LabTransportName): "lowest" | "tie" | "" {
  if (higher.length === 0 || !lowest.includes(name)) return "";
  return lowest.length === 1 ? "lowest" : "tie";
}

/** Compare everybody with the one of the lowest median. */
export function verdictOf(figures: ReadonlyMap<LabTransportName, Spread>, clockStep: number): Verdict {
  const sorted = [...figures].toSorted(([, a], [, b]) => a.median - b.median);
  const best = sorted[0]?.[1];
  if (!best) return { lowest: [], higher: [] };
  const [higher, lowest] = [
    sorted.filter(([, spread]) => isLower(best, spread, clockStep)),
    sorted.filter(([, spread]) => !isLower(best, spread, clockStep)),
  ];
  return {
    lowest: lowest.map(([name]) => name),
    higher: higher.map(([name, { median }]) => ({ name, times: median / best.median })),
  };
}
