import type { RoomListener, Run } from "../../core/index.js";

/**
 * How long this node's own entries wait for those of others before them, in milliseconds. Those are on their way: Redis
 * published them first. Without the wait each meeting of two nodes in a room would send its readers to the log.
 */
const patienceMs = 50;

/** At most so many own runs wait; more of them show that nothing comes any more. */
const maxWaitingRuns = 64;

/**
 * One room that somebody on this node watches.
 *
 * What this node appends comes twice: from the answer to its own append, at once, and from Redis. And the answer may
 * overtake, on its other connection, what other nodes appended before. The offsets tell.
 */
export class BusChannel {
  readonly listeners = new Set<RoomListener>();
  private epoch = 0;
  /** The last offset that the listeners were given; 0: none in this epoch. */
  private givenTo = 0;
  /** Own runs that came before those of others, in their order. */
  private waiting: Run[] = [];
  private patience: NodeJS.Timeout | undefined;

  /** Whether the listeners had these entries. */
  isGiven({ epoch, last }: { readonly epoch: number; readonly last: number }): boolean {
    return epoch === this.epoch && last <= this.givenTo;
  }

  /** From Redis, in the order of the log. */
  heard(epoch: number, run: Run): void {
    this.give(epoch, run);
    this.giveWaiting(false);
  }

  /** From this node's own append. */
  appended(epoch: number, run: Run): void {
    const isEarly = epoch === this.epoch && this.givenTo > 0 && run.first > this.givenTo + 1;
    if (!isEarly) {
      this.give(epoch, run);
      return;
    }
    this.waiting.push(run);
    if (this.waiting.length >= maxWaitingRuns) this.giveWaiting(true);
    else this.patience ??= setTimeout(() => this.giveWaiting(true), patienceMs).unref();
  }

  interrupted(): void {
    this.giveWaiting(true);
    for (const listener of this.listeners) listener.interrupted();
  }

  /** What waits is older: it goes first. */
  erased(): void {
    this.giveWaiting(true);
    for (const listener of this.listeners) listener.erased();
  }

  close(): void {
    clearTimeout(this.patience);
  }

  /** What waits and follows; `isLate`: with holes, which the listeners fill from the log. */
  private giveWaiting(isLate: boolean): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const run of waiting) {
      if (isLate || run.first <= this.givenTo + 1) this.give(this.epoch, run);
      else this.waiting.push(run);
    }
    if (this.waiting.length > 0) return;
    clearTimeout(this.patience);
    this.patience = undefined;
  }

  private give(epoch: number, run: Run): void {
    if (epoch !== this.epoch) {
      this.giveWaiting(true);
      this.epoch = epoch;
      this.givenTo = 0;
    }
    if (run.last <= this.givenTo || run.count === 0) return;
    const unheard = run.slice(this.givenTo + 1, run.last);
    this.givenTo = run.last;
    for (const listener of this.listeners) listener.entries(epoch, unheard);
  }
}
