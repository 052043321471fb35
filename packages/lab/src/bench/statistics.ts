/**
 * The value below which `share` of the samples lie, by the nearest-rank method: always one of the samples, never a
 * value between two. `sorted` is in rising order; `share` is in (0, 1]. `undefined` when there are no samples.
 */
export function percentile(sorted: ArrayLike<number>, share: number): number | undefined {
  if (!(share > 0 && share <= 1)) throw new RangeError(`share is ${share}; it must be above 0 and at most 1`);
  const rank = Math.ceil(sorted.length * share);
  return sorted[Math.max(rank, 1) - 1];
}

/** The middle of the values, in any order; the mean of the two middle ones when their number is even. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

/** The median of the values that are there: a run that could not say its p99 does not make the others' void. */
export function medianOfKnown(values: readonly (number | undefined)[]): number | undefined {
  return median(values.filter((value) => value !== undefined));
}

/** `value / base`, or `undefined` when either is missing or the base is 0: a ratio to nothing is no figure. */
export function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined || base === 0 ? undefined : value / base;
}
