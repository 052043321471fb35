import {
  type Revocation,
  type RevocationChange,
  type RevocationLog,
  RevocationSet,
  revocationKey,
} from "../core/index.js";

/** Revocations without a disk, for tests of what stands above the ports. Nodes share one. */
export class MemoryRevocations implements RevocationLog {
  private readonly set = new RevocationSet();
  private readonly listeners: ((change: RevocationChange) => void)[] = [];

  all(): readonly Revocation[] {
    return this.set.all();
  }

  page(after: string, count: number): readonly Revocation[] {
    return this.set.page(after, count);
  }

  has(revocation: Revocation): boolean {
    return this.set.get(revocationKey(revocation)) !== undefined;
  }

  count(nowMs: number): number {
    const removed = this.set.removeExpired(nowMs);
    if (removed.length > 0) this.tell({ added: [], removed });
    return this.set.size;
  }

  watch(changed: (change: RevocationChange) => void): void {
    this.listeners.push(changed);
  }

  async add(revocation: Revocation): Promise<void> {
    const added = this.set.add(revocation);
    if (added) this.tell({ added: [added], removed: [] });
  }

  staleMs(): number {
    return 0;
  }

  private tell(change: RevocationChange): void {
    for (const changed of this.listeners) changed(change);
  }
}
