import { type Revocation, type RevocationLog, RevocationSet } from "../core/index.js";

/** Revocations without a disk, for tests of what stands above the ports. Nodes share one. */
export class MemoryRevocations implements RevocationLog {
  private readonly set = new RevocationSet();
  private readonly listeners: (() => void)[] = [];
  all(): readonly Revocation[] {
    return this.set.all();
  }

  watch(changed: () => void): void {
    this.listeners.push(changed);
  }

  async add(revocation: Revocation): Promise<void> {
    if (this.set.add(revocation)) for (const changed of this.listeners) changed();
  }

  staleMs(): number {
    return 0;
  }
}
