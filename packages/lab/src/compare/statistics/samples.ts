/**
 * The value below which `share` of the samples lie, by nearest rank; `sorted` is in rising order and not empty, `share` in
 * (0, 1]. @throws RangeError: there are no samples.
 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const value = sorted[Math.max(Math.ceil(sorted.length * share), 1) - 1];
  if (value === undefined) throw new RangeError("a quantile of no samples");
  return value;
}

/** The middle of the values, the mean of the two middle ones if their number is even. @throws RangeError: there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError("a median of no values");
  return (lower + upper) / 2;
}
