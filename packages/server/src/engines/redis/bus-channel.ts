import type { LogEntry, RoomListener } from "../../core/index.js";

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
  private waiting: (readonly LogEntry[])[] = [];
  private patience: NodeJS.Timeout | undefined;

  /** Whether the listeners had these entries. */
  isGiven({ epoch, last }: { readonly epoch: number; readonly last: number }): boolean {
    return epoch === this.epoch && last <= this.givenTo;
  }

  /** From Redis, in the order of the log. */
  heard(epoch: number, entries: readonly LogEntry[]): void {
    this.give(epoch, entries);
    this.giveWaiting(false);
  }

  /** From this node's own append. */
  appended(epoch: number, entries: readonly LogEntry[]): void {
    const first = entries[0]?.offset;
    if (first === undefined) return;
    const isEarly = epoch === this.epoch && this.givenTo > 0 && first > this.givenTo + 1;
    if (!isEarly) {
      this.give(epoch, entries);
      return;
    }
    this.waiting.push(entries);
    if (this.waiting.length >= maxWaitingRuns) this.giveWaiting(true);
    else this.patience ??= setTimeout(() => this.giveWaiting(true), patienceMs).unref();
  }

  interrupted(): void {
    this.giveWaiting(true);
    for (const listener of this.listeners) listener.interrupted();
  }

  close(): void {
    clearTimeout(this.patience);
  }

  /** What waits and follows; `isLate`: with holes, which the listeners fill from the log. */
  private giveWaiting(isLate: boolean): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    this.waiting = [];
    for (const entries of waiting) {
      const first = entries[0]?.offset ?? 0;
      if (isLate || first <= this.givenTo + 1) this.give(this.epoch, entries);
      else this.waiting.push(entries);
    }
    if (this.waiting.length > 0) return;
    clearTimeout(this.patience);
    this.patience = undefined;
  }

  private give(epoch: number, entries: readonly LogEntry[]): void {
    if (epoch !== this.epoch) {
      this.giveWaiting(true);
      this.epoch = epoch;
      this.givenTo = 0;
    }
    const last = entries.at(-1)?.offset ?? 0;
    if (last <= this.givenTo) return;
    const { givenTo } = this;
    const unheard = (entries[0]?.offset ?? 0) > givenTo ? entries : entries.filter(({ offset }) => offset > givenTo);
    this.givenTo = last;
    for (const listener of this.listeners) listener.entries(epoch, unheard);
  }
}
