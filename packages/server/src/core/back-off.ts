import type { Turns } from "./ports.js";

/** The first wait: shorter than a person notices, long enough that a log which is down is not asked all the time. */
const firstWaitMs = 250;

/** The longest wait: how late, at most, readers are made whole after the log is back. */
const maxWaitMs = 2_000;

/**
 * Where readers wait that the log cannot serve now. One timer for all of them: what ails the log ails them alike. Each wait
 * is twice the one before until something was read.
 */
export class BackOff<T> {
  private waiting: T[] = [];
  private waitMs = firstWaitMs;

  constructor(
    private readonly turns: Turns,
    /** Those who waited may try again. */
    private readonly ended: (waited: readonly T[]) => void,
  ) {}

  add(reader: T): void {
    this.waiting.push(reader);
    if (this.waiting.length > 1) return;
    this.turns.afterMs(this.waitMs, () => this.end());
    this.waitMs = Math.min(2 * this.waitMs, maxWaitMs);
  }

  /** The log gave what it was asked for: the next wait is a short one again. */
  reset(): void {
    this.waitMs = firstWaitMs;
  }

  private end(): void {
    const waited = this.waiting;
    this.waiting = [];
    this.ended(waited);
  }
}
