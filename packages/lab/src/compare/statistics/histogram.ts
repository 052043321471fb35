/** Latencies are sorted into buckets that each are a tenth of a decade wide, from 10 µs to 10 s. */
const firstUs = 10;
const bucketsPerDecade = 10;
const decades = 6;

export const bucketCount = bucketsPerDecade * decades;

/** How many samples (µs) fall into each bucket; what is beyond either end counts in the last bucket there. */
export function histogramOf(samplesUs: ArrayLike<number>): readonly number[] {
  const buckets = new Array<number>(bucketCount).fill(0);
  for (let index = 0; index < samplesUs.length; index += 1) {
    const at = Math.floor(Math.log10(Math.max(samplesUs[index] ?? 0, 1) / firstUs) * bucketsPerDecade);
    const bucket = Math.min(Math.max(at, 0), bucketCount - 1);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  return buckets;
}

/** Where bucket number `index` begins, in µs; with `bucketCount`, where the last one ends. */
export function bucketStartUs(index: number): number {
  return firstUs * 10 ** (index / bucketsPerDecade);
}
