import type { Revocation } from "./ports.js";

/** Revocations by what they are about: a later one about the same tokens is joined with the earlier one. */
export class RevocationSet {
  private readonly byKey = new Map<string, Revocation>();

  /** What a set has to keep of a revocation beside the existing ones; undefined: it is known. */
  joined(revocation: Revocation): Revocation | undefined {
    const known = this.byKey.get(revocationKey(revocation));
    if (!known) return revocation;
    const issuedBeforeMs = Math.max(known.issuedBeforeMs, revocation.issuedBeforeMs);
    const untilMs = Math.max(known.untilMs, revocation.untilMs);
    if (issuedBeforeMs === known.issuedBeforeMs && untilMs === known.untilMs) return undefined;
    return { ...known, issuedBeforeMs, untilMs };
  }

  /** True: this was new. */
  add(revocation: Revocation): boolean {
    const joined = this.joined(revocation);
    if (joined) this.byKey.set(revocationKey(joined), joined);
    return joined !== undefined;
  }

  delete(revocation: Revocation): void {
    this.byKey.delete(revocationKey(revocation));
  }

  /** Those that may be forgotten. */
  expired(nowMs: number): readonly Revocation[] {
    return this.all().filter(({ untilMs }) => untilMs <= nowMs);
  }

  all(): readonly Revocation[] {
    return [...this.byKey.values()];
  }
}

/** What a revocation is about. */
export function revocationKey({ tokenId, user }: Revocation): string {
  return tokenId === "" ? `user ${user}` : `token ${tokenId}`;
}
