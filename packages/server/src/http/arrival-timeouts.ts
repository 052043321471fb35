import { ConfabError } from "@confab/contract";

/** Something that must arrive in time: the body of a request. */
export interface Arrival {
  /** It is waited for no longer. Called once, and not after `release`. `error`: what the client is told. */
  refuse(error: ConfabError): void;
}

/**
 * One bound in time for everything of a kind that is on its way, with one timer for all of it: a timer of its own for each
 * request would cost more than most requests' bodies do.
 *
 * All entries wait equally long, so they expire in the order in which they came, and only the oldest need be looked at.
 */
export class ArrivalTimeouts {
  private readonly deadlines = new Map<Arrival, number>();
  private timer: NodeJS.Timeout | undefined;

  /** `nowMs`: a clock that never goes back. */
  constructor(
    readonly timeoutMs: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** The clock of this arrival starts now. */
  await(arrival: Arrival): void {
    this.deadlines.set(arrival, this.nowMs() + this.timeoutMs);
    this.timer ??= this.sweepIn(this.timeoutMs);
  }

  /** It has arrived, or nobody waits for it any more. Harmless when it was not awaited. */
  release(arrival: Arrival): void {
    this.deadlines.delete(arrival);
  }

  /** Wait for nothing that is on its way any more: all of it is told this error. */
  endAll(error: ConfabError): void {
    for (const arrival of this.deadlines.keys()) this.end(arrival, error);
  }

  /** Forget everything that is awaited. May be called twice. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.deadlines.clear();
  }

  private sweepIn(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.sweep(), delayMs).unref();
  }

  private sweep(): void {
    this.timer = undefined;
    const nowMs = this.nowMs();
    for (const [arrival, deadlineMs] of this.deadlines) {
      if (deadlineMs > nowMs) {
        this.timer ??= this.sweepIn(Math.ceil(deadlineMs - nowMs));
        return;
      }
      const text = `the request did not arrive whole within ${this.timeoutMs} ms (requestTimeoutMs)`;
      this.end(arrival, new ConfabError("REQUEST_TIMEOUT", text));
    }
  }

  private end(arrival: Arrival, error: ConfabError): void {
    this.deadlines.delete(arrival);
    arrival.refuse(error);
  }
}
