import { KnownRevocations, type Revocation, type RevocationChange, type RevocationLog } from "../core/index.js";

/** Revocations without a disk, for tests of what stands above the ports. Nodes share one. */
export class MemoryRevocations extends KnownRevocations implements RevocationLog {
  private readonly listeners: ((change: RevocationChange) => void)[] = [];

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
