import { median } from "./samples.js";

/** What several rounds say of one figure. */
export interface Estimate {
  /** The median of the rounds. */
  readonly value: number;
  /** Where the median lies, with about 95 % confidence. */
  readonly low: number;
  readonly high: number;
  /** How many rounds said so. */
  readonly rounds: number;
  /** There is no upper end: a search ended before it found one, and `high` is only how far it came. */
  readonly isOpen?: boolean;
}

/** The least confidence that an interval may have; five rounds give 93.75 %, which is what a quick run can pay for. */
const minConfidence = 0.93;

/**
 * The median and its interval from order statistics: the k-th smallest and the k-th largest round hold the true median
 * between them with 1 − 2·P(Binomial(n, ½) < k), whatever the distribution (David and Nagaraja, Order Statistics, §7.1).
 * With five to seven rounds they are the smallest and the largest.
 *
 * `undefined`: there are no rounds.
 */
export function estimateOf(rounds: readonly number[]): Estimate | undefined {
  if (rounds.length === 0) return undefined;
  const sorted = rounds.toSorted((a, b) => a - b);
  const cut = cutOf(sorted.length);
  const value = median(sorted);
  return { value, low: sorted[cut] ?? value, high: sorted[sorted.length - 1 - cut] ?? value, rounds: rounds.length };
}

/** How surely the median of that many rounds lies within the interval that `estimateOf` gives, of 1. */
export function confidenceOfRounds(rounds: number): number {
  return confidenceOf(rounds, cutOf(rounds) + 1);
}

/** How many rounds the interval leaves out on each side. */
function cutOf(rounds: number): number {
  let cut = 0;
  while (cut + 1 < rounds / 2 && confidenceOf(rounds, cut + 2) >= minConfidence) cut += 1;
  return cut;
}

/** How surely the median of `n` lies between the k-th smallest and the k-th largest. */
function confidenceOf(n: number, k: number): number {
  let below = 0;
  let ways = 1;
  for (let i = 0; i < k; i += 1) {
    below += ways / 2 ** n;
    ways = (ways * (n - i)) / (i + 1);
  }
  return 1 - 2 * below;
}

/** How two estimates of the same figure compare; `unknown`: too few rounds to say anything, also that they tie. */
export type Comparison = "tie" | "lower" | "higher" | "unknown";

/** Fewer rounds than this cannot tell a difference from chance: four against four separate by it in 3 of 100 cases. */
const minRounds = 4;
/** A difference below this share of the larger is none that anybody would notice, however surely it is there. */
export const minDifference = 0.05;

/** Whether an estimate rests on enough rounds to be compared. */
export function isDecisive({ rounds }: Estimate): boolean {
  return rounds >= minRounds;
}

/**
 * The rule for ties. Where either has fewer than four rounds nothing is known. Otherwise `a` is lower or higher than `b`
 * only if all of this is so, and else the two tie:
 *
 * - their intervals do not overlap;
 * - their medians differ by at least `leastDifference` of the larger.
 */
export function compareEstimates(a: Estimate, b: Estimate, leastDifference = minDifference): Comparison {
  if (!isDecisive(a) || !isDecisive(b)) return "unknown";
  if (a.low <= upperEnd(b) && b.low <= upperEnd(a)) return "tie";
  if (Math.abs(a.value - b.value) < leastDifference * Math.max(Math.abs(a.value), Math.abs(b.value))) return "tie";
  return a.value < b.value ? "lower" : "higher";
}

function upperEnd({ high, isOpen = false }: Estimate): number {
  return isOpen ? Number.POSITIVE_INFINITY : high;
}
