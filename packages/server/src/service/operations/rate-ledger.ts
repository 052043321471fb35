/** What is counted for a caller. `rooms`: rooms that its sends created. `units`: cost units of what it reads. */
export const rateNames = ["sends", "bytes", "signals", "units", "rooms"] as const;

export type RateName = (typeof rateNames)[number];

/** So much may come within so long; after a silence all of it at once. */
export interface Rate {
  readonly amount: number;
  readonly perMs: number;
}

/** Where rates are counted: a subject is a user or an address. The processes of one server may share one later. */
export interface RateLedger {
  /** How long a subject has to wait, in milliseconds, before it may be given `amount` more; 0: it may now. */
  waitMs(subject: string, name: RateName, rate: Rate, amount: number): number;
  /** Count it, also past the rate: what follows waits longer then. */
  spend(subject: string, name: RateName, rate: Rate, amount: number): void;
}

/** Subjects that are counted at the same time; of more, the one that came first is forgotten. */
const maxSubjects = 100_000;

/**
 * The ledger of one process. For each subject and rate it keeps one time: when all that was spent will have been earned
 * back (the generic cell rate algorithm, ITU-T I.371 annex A).
 */
export class LocalLedger implements RateLedger {
  private readonly subjects = new Map<string, Float64Array>();

  constructor(private readonly nowMs: () => number) {}

  get size(): number {
    return this.subjects.size;
  }

  waitMs(subject: string, name: RateName, { amount: most, perMs }: Rate, amount: number): number {
    const paidAtMs = this.subjects.get(subject)?.[indexOf[name]] ?? 0;
    const nowMs = this.nowMs();
    if (paidAtMs <= nowMs) return 0;
    // What is larger than the whole rate passes when nothing else is owed.
    const after = paidAtMs + Math.min(perMs, (amount * perMs) / most);
    return Math.max(0, Math.ceil(after - nowMs - perMs));
  }

  spend(subject: string, name: RateName, { amount: most, perMs }: Rate, amount: number): void {
    const index = indexOf[name];
    const known = this.subjects.get(subject);
    const paidAtMs = known ?? new Float64Array(rateNames.length);
    paidAtMs[index] = Math.max(paidAtMs[index] ?? 0, this.nowMs()) + (amount * perMs) / most;
    if (known) return;
    this.subjects.set(subject, paidAtMs);
    this.forget();
  }

  /** Two at a time, which is more than come: those that owe nothing, or of too many the first. */
  private forget(): void {
    const nowMs = this.nowMs();
    for (let count = 0; count < 2; count++) {
      const [oldest] = this.subjects;
      if (!oldest) return;
      const [subject, paidAtMs] = oldest;
      if (this.subjects.size <= maxSubjects && paidAtMs.some((time) => time > nowMs)) return;
      this.subjects.delete(subject);
    }
  }
}

const indexOf = Object.fromEntries(rateNames.map((name, index) => [name, index])) as Readonly<Record<RateName, number>>;
