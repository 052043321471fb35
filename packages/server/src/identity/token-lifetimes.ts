/**
 * How long tokens may live, by the limit as it is now, and for how long those that were accepted can be used. The limit may
 * change while the server runs.
 */
export class TokenLifetimes {
  /** The greatest limit that a token was judged by. */
  private greatestMs = 0;

  constructor(
    private readonly limitMs: () => number,
    private readonly clockToleranceMs: number,
  ) {}

  /** The limit as it is now. Everything that judges a token's life asks here. */
  maxMs(): number {
    const limitMs = this.limitMs();
    this.greatestMs = Math.max(this.greatestMs, limitMs);
    return limitMs;
  }

  /**
   * How long from now an accepted token can be used at the most. The tolerance counts twice: a token may be issued so far
   * ahead of this server's clock, and is accepted for so long after its end. The greatest limit counts, and not that of now:
   * what was opened by it may still be open.
   */
  longestUseMs(): number {
    this.maxMs();
    return this.greatestMs + 2 * this.clockToleranceMs;
  }
}
