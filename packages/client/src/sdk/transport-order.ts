import type { TransportName } from "../link.js";

/** How often in a row a transport that has worked must be blocked before another one takes its place. */
const loyalAttempts = 3;

/**
 * Which transport the next attempt to connect takes. The first one, unless it is blocked where the server itself can be
 * reached: a server that is down is no reason to come back by anything worse.
 */
export class TransportOrder {
  private index = 0;
  private hasWorked = false;
  private timesBlocked = 0;

  /** @param names in order of preference; at least one. */
  constructor(private readonly names: readonly [TransportName, ...TransportName[]]) {}

  get preferred(): TransportName {
    return this.names[0];
  }

  get next(): TransportName {
    return this.names[this.index] ?? this.names[0];
  }

  worked(): void {
    this.hasWorked = true;
    this.timesBlocked = 0;
  }

  /** An attempt failed. True: the next one takes another transport, and need not wait. */
  failed(isBlocked: boolean): boolean {
    if (this.hasWorked) {
      this.timesBlocked = isBlocked ? this.timesBlocked + 1 : 0;
      if (this.timesBlocked < loyalAttempts) return false;
      this.timesBlocked = 0;
    } else if (this.index === 0 && !isBlocked) return false;
    this.index = (this.index + 1) % this.names.length;
    return this.index !== 0;
  }
}
