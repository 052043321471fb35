import type { Revocation } from "./record-ports.js";

/** Revocations by what they are about: a later one about the same tokens is joined with the earlier one. */
export class RevocationSet {
  private readonly byKey = new Map<string, Revocation>();
  /** The keys in their order. Made for the first page and kept up to date from then on, since a page needs few of many. */
  private sorted: string[] | undefined;
  /** No revocation ends before this time. */
  private earliestUntilMs = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.byKey.size;
  }

  get(key: string): Revocation | undefined {
    return this.byKey.get(key);
  }

  /** What is kept of it now, beside what was known; undefined: that covers it. */
  add(revocation: Revocation): Revocation | undefined {
    const key = revocationKey(revocation);
    const known = this.byKey.get(key);
    const joined = known ? joinedRevocation(known, revocation) : revocation;
    if (joined === known) return undefined;
    if (!known && this.sorted) this.sorted.splice(placeAfter(this.sorted, key), 0, key);
    this.byKey.set(key, joined);
    this.earliestUntilMs = Math.min(this.earliestUntilMs, joined.untilMs);
    return joined;
  }

  /** Forget those that are over, and return them. It costs nothing while none is. */
  removeExpired(nowMs: number): readonly Revocation[] {
    if (nowMs < this.earliestUntilMs) return [];
    const removed: Revocation[] = [];
    let earliestUntilMs = Number.POSITIVE_INFINITY;
    for (const [key, revocation] of this.byKey) {
      if (isOver(revocation, nowMs)) {
        this.byKey.delete(key);
        removed.push(revocation);
      } else earliestUntilMs = Math.min(earliestUntilMs, revocation.untilMs);
    }
    this.earliestUntilMs = earliestUntilMs;
    if (removed.length > 0) this.sorted = undefined;
    return removed;
  }

  /** At most so many, by key, from the first one after `after`. */
  page(after: string, count: number): readonly Revocation[] {
    this.sorted ??= [...this.byKey.keys()].sort();
    const start = placeAfter(this.sorted, after);
    return this.sorted.slice(start, start + count).flatMap((key) => this.byKey.get(key) ?? []);
  }

  all(): readonly Revocation[] {
    return [...this.byKey.values()];
  }
}

/** What every log of revocations answers from memory. */
export abstract class KnownRevocations {
  protected readonly set = new RevocationSet();

  all(): readonly Revocation[] {
    return this.set.all();
  }

  page(after: string, count: number): readonly Revocation[] {
    return this.set.page(after, count);
  }

  has(revocation: Revocation): boolean {
    return this.set.get(revocationKey(revocation)) !== undefined;
  }
}

/** What a revocation is about. */
export function revocationKey({ tokenId, user }: Pick<Revocation, "tokenId" | "user">): string {
  return tokenId === "" ? `user ${user}` : `token ${tokenId}`;
}

/** Both of two about the same tokens; `known` itself where that covers the other one. */
export function joinedRevocation(known: Revocation, other: Revocation): Revocation {
  const issuedBeforeMs = Math.max(known.issuedBeforeMs, other.issuedBeforeMs);
  const untilMs = Math.max(known.untilMs, other.untilMs);
  if (issuedBeforeMs === known.issuedBeforeMs && untilMs === known.untilMs) return known;
  return { ...known, issuedBeforeMs, untilMs };
}

export function isOver({ untilMs }: Revocation, nowMs: number): boolean {
  return untilMs <= nowMs;
}

/** The index of the first key behind `key`, in a sorted list. */
function placeAfter(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? "") <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
