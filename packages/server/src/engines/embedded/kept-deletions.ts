import { type BegunDeletion, type Clock, type DeletionNotes, deletionFrom, deletionText } from "../../core/index.js";
import type { Store } from "./store.js";

/** Keys of the table `meta`: this, the room and the position. */
const prefix = "deleting ";
const range = { start: Buffer.from(prefix), end: Buffer.from("deleting!") };

export interface KeptDeletionsDeps {
  readonly store: Pick<Store, "meta" | "failure">;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Deletions in progress, in the data folder. */
export class KeptDeletions implements DeletionNotes {
  /** When this process has put or taken each of them. Those that it does not know are of an earlier one. */
  private readonly seenAtMs = new Map<string, number>();

  constructor(private readonly deps: KeptDeletionsDeps) {}

  async put(deletion: BegunDeletion): Promise<void> {
    const { store, write, clock } = this.deps;
    const key = keyOf(deletion);
    this.seenAtMs.set(key, clock.monotonicMs());
    try {
      await write(() => void store.meta.put(Buffer.from(key), Buffer.alloc(0)));
    } catch (thrown) {
      // Should it be stored, it may be taken at once.
      this.seenAtMs.delete(key);
      throw thrown;
    }
  }

  async remove(deletion: BegunDeletion): Promise<void> {
    const { store, write } = this.deps;
    const key = keyOf(deletion);
    await write(() => void store.meta.remove(Buffer.from(key)));
    this.seenAtMs.delete(key);
  }

  take(ageMs: number, limit: number): readonly BegunDeletion[] {
    const { store, clock } = this.deps;
    if (store.failure() !== undefined) return [];
    const nowMs = clock.monotonicMs();
    const taken: BegunDeletion[] = [];
    for (const found of store.meta.getKeys(range)) {
      if (taken.length === limit) break;
      const key = found.toString();
      const seenAtMs = this.seenAtMs.get(key);
      if (seenAtMs !== undefined && nowMs - seenAtMs < ageMs) continue;
      this.seenAtMs.set(key, nowMs);
      const deletion = deletionFrom(key.slice(prefix.length));
      if (deletion) taken.push(deletion);
    }
    return taken;
  }
}

function keyOf(deletion: BegunDeletion): string {
  return prefix + deletionText(deletion);
}
