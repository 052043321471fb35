/** What is counted for a caller. `rooms`: rooms that its sends created. `units`: cost units of what it reads. */
export const rateNames = ["sends", "bytes", "signals", "units", "rooms"] as const;

export type RateName = (typeof rateNames)[number];

/** So much may come within so long; after a silence all of it at once. */
export interface Rate {
  /** Its place among `rateNames`: a look-up by name would be one of the dearest steps of a send. */
  readonly index: number;
  readonly amount: number;
  readonly perMs: number;
}

/**
 * What one subject has spent. For each rate it keeps one time: when all that was spent will have been earned back (the
 * generic cell rate algorithm, ITU-T I.371 annex A). All times are of one clock.
 */
export class Account {
  private readonly paidAtMs = new Float64Array(rateNames.length);

  owes(nowMs: number): boolean {
    return this.paidAtMs.some((time) => time > nowMs);
  }

  /** How long the subject has to wait, in milliseconds, before it may be given `amount` more; 0: it may now. */
  waitMs({ index, amount: most, perMs }: Rate, amount: number, nowMs: number): number {
    const paidAtMs = this.paidAtMs[index] ?? 0;
    if (paidAtMs <= nowMs) return 0;
    // What is larger than the whole rate passes when nothing else is owed.
    const after = paidAtMs + Math.min(perMs, (amount * perMs) / most);
    return Math.max(0, Math.ceil(after - nowMs - perMs));
  }

  /** Count it, also past the rate: what follows waits longer then. Returns what `giveBack` takes. */
  spend({ index, amount: most, perMs }: Rate, amount: number, nowMs: number): number {
    const spentMs = (amount * perMs) / most;
    this.paidAtMs[index] = Math.max(this.paidAtMs[index] ?? 0, nowMs) + spentMs;
    return spentMs;
  }

  /** What was spent was not needed. */
  giveBack({ index }: Rate, spentMs: number): void {
    this.paidAtMs[index] = (this.paidAtMs[index] ?? 0) - spentMs;
  }
}

/** Subjects that are counted at the same time; of more, the one that came first is forgotten. */
const maxSubjects = 100_000;

/** The accounts of the users, or of the addresses, that one process has seen and that owe something. */
export class RateLedger {
  private readonly accounts = new Map<string, Account>();

  get size(): number {
    return this.accounts.size;
  }

  /** Undefined: it owes nothing. */
  find(subject: string): Account | undefined {
    return this.accounts.get(subject);
  }

  /** To be spent from in the same turn: an account that owes nothing is forgotten. */
  open(subject: string, nowMs: number): Account {
    const known = this.accounts.get(subject);
    if (known) return known;
    this.forget(nowMs);
    const account = new Account();
    this.accounts.set(subject, account);
    return account;
  }

  /** Two at a time, which is more than come: those that owe nothing, or of too many the first. */
  private forget(nowMs: number): void {
    for (let count = 0; count < 2; count++) {
      const [oldest] = this.accounts;
      if (!oldest) return;
      const [subject, account] = oldest;
      if (this.accounts.size < maxSubjects && account.owes(nowMs)) return;
      this.accounts.delete(subject);
    }
  }
}
