import { percentile } from "../statistics.js";

/** Latencies of the sampled subscribers, and whether each of them got every message once and in order. */
export class LatencyLog {
  /** Messages of sampled subscribers that came where another one was due: lost, repeated or out of order. */
  outOfOrder = 0;
  #firstSequence = Number.POSITIVE_INFINITY;
  readonly #latenciesUs: number[] = [];
  readonly #next: (number | undefined)[] = [];

  /** Take latencies from message number `sequence` on; those before it were warm-up. */
  beginAt(sequence: number): void {
    this.#firstSequence = sequence;
  }

  record(sample: number, sequence: number, latencyUs: number): void {
    const due = this.#next[sample] ?? sequence;
    if (sequence !== due) this.outOfOrder += 1;
    this.#next[sample] = sequence + 1;
    if (sequence >= this.#firstSequence) this.#latenciesUs.push(latencyUs);
  }

  /** `undefined` while no message was recorded. */
  percentilesUs(): { readonly p50Us: number | undefined; readonly p99Us: number | undefined } {
    const sorted = Float64Array.from(this.#latenciesUs).sort();
    return { p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  }
}
