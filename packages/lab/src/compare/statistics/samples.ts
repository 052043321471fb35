import { median as medianOrNone, percentile } from "../../bench/statistics.js";

/** `percentile` of samples that are there. @throws RangeError: there are none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return known(percentile(sorted, share), "a quantile");
}

/** `median` of values that are there. @throws RangeError: there are none. */
export function median(values: readonly number[]): number {
  return known(medianOrNone(values), "a median");
}

function known(value: number | undefined, what: string): number {
  if (value === undefined) throw new RangeError(`${what} of no values`);
  return value;
}
