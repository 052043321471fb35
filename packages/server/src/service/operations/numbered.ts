/** Numbers of one bucket: `after` passes over a bucket at a time. */
const perBucket = 256;

/** Things in the order in which they were added, each with a number that rises; found by it without looking at all before it. */
export class Numbered<Item> {
  private last = 0;
  private count = 0;
  /** In the order of the numbers: a map keeps that of its insertions. No bucket is empty. */
  private readonly buckets = new Map<number, Map<number, Item>>();

  get size(): number {
    return this.count;
  }

  /** The number that was given last; 0: none yet. */
  get newest(): number {
    return this.last;
  }

  /** Its number is the next one, from 1. */
  add(item: Item): number {
    const number = ++this.last;
    const at = Math.floor(number / perBucket);
    const bucket = this.buckets.get(at) ?? new Map<number, Item>();
    bucket.set(number, item);
    this.buckets.set(at, bucket);
    this.count++;
    return number;
  }

  /** May be called twice. */
  delete(number: number): void {
    const at = Math.floor(number / perBucket);
    const bucket = this.buckets.get(at);
    if (!bucket?.delete(number)) return;
    this.count--;
    if (bucket.size === 0) this.buckets.delete(at);
  }

  /** Those with greater numbers. What is added or deleted meanwhile is taken into account. */
  *after(number: number): IterableIterator<Item> {
    for (const [at, bucket] of this.buckets) {
      if ((at + 1) * perBucket <= number) continue;
      for (const [each, item] of bucket) if (each > number) yield item;
    }
  }
}
