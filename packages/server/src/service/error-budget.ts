import { ConfabError, type Limits } from "@confab/contract";
import type { Clock } from "../core/index.js";

/**
 * Counts the errors that a client causes on a stream that it does not share with other users: a WebSocket or a Converse
 * stream. An error costs the server more than the few bytes that cause it cost the client. By default 3,000 within 30 s,
 * about 0.15 s of work: a client that sends 100 signals a second too many stays below it.
 *
 * HTTP requests have no such budget. One connection may carry the requests of all users behind a proxy, and one of them
 * could have it closed for the others. A bad request costs no more than a good one, and both wait for their connection's turn.
 */
export class ErrorBudget {
  private spent = 0;
  private atMs = 0;

  constructor(
    private readonly limits: Pick<Limits, "maxErrors" | "budgetWindowMs">,
    private readonly clock: Clock,
  ) {}

  /** Count an error. When the budget is spent: the error that the connection ends with. */
  count({ kind }: ConfabError): ConfabError | undefined {
    // The client can do nothing about a log that is full or cannot be reached.
    if (kind.http >= 500) return undefined;
    const { maxErrors, budgetWindowMs } = this.limits;
    const nowMs = this.clock.monotonicMs();
    this.spent = Math.max(0, this.spent - (maxErrors * (nowMs - this.atMs)) / budgetWindowMs) + 1;
    this.atMs = nowMs;
    if (this.spent <= maxErrors) return undefined;
    const text = `more than ${maxErrors} errors within ${budgetWindowMs} ms (maxErrors)`;
    return new ConfabError("RATE_LIMITED", text, { retryAfterMs: budgetWindowMs });
  }

  /** A request was done. */
  giveBack(): void {
    if (this.spent > 0) this.spent = Math.max(0, this.spent - 1);
  }
}
