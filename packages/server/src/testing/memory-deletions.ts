import { formatPosition } from "@confab/contract";
import type { BegunDeletion, DeletionNotes } from "../core/index.js";

/** Deletions in progress without a disk, for tests of what stands above the ports. */
export class MemoryDeletions implements DeletionNotes {
  private readonly notes = new Map<string, { readonly deletion: BegunDeletion; readonly atMs: number }>();

  constructor(private readonly nowMs: () => number) {}

  async put(deletion: BegunDeletion): Promise<void> {
    this.notes.set(keyOf(deletion), { deletion, atMs: this.nowMs() });
  }

  async remove(deletion: BegunDeletion): Promise<void> {
    this.notes.delete(keyOf(deletion));
  }

  take(ageMs: number, limit: number): readonly BegunDeletion[] {
    const atMs = this.nowMs();
    const taken = [...this.notes.values()].filter((note) => atMs - note.atMs >= ageMs).slice(0, limit);
    for (const { deletion } of taken) this.notes.set(keyOf(deletion), { deletion, atMs });
    return taken.map(({ deletion }) => deletion);
  }
}

function keyOf({ room, target }: BegunDeletion): string {
  return `${room} ${formatPosition(target)}`;
}
