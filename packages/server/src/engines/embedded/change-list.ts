import type { Table } from "./store.js";

/** The changes of one write. */
interface Changes {
  readonly puts: (() => void)[];
  readonly removals: (() => void)[];
  readonly lastRemovals: (() => void)[];
}

/**
 * The changes of a write, made when all of them are known. lmdb commits what a transaction's callback has put before it
 * throws (3.5.6), so what may throw comes before: decisions and reads.
 *
 * What is removed is removed last, and in the end what may hold texts. A removal may leave a page without use, which LMDB takes
 * for the next page that the same transaction needs as it is: with old bytes beside what is put there. So a key must not be
 * removed and then put in one write.
 */
export class ChangeList {
  private changes: Changes | undefined;

  /** A table whose changes are collected. `hasTexts`: its removals come after those of others. */
  tableOf(table: Table, hasTexts = false): Table {
    const kind = hasTexts ? "lastRemovals" : "removals";
    return {
      get: (key) => table.get(key),
      getKeys: (range) => table.getKeys(range),
      getRange: (range) => table.getRange(range),
      put: (key, value) => this.add("puts", () => void table.put(key, value)),
      remove: (key) => this.add(kind, () => void table.remove(key)),
    };
  }

  /** Collect what `write` changes; the result makes the changes. @throws what `write` throws: nothing is changed then. */
  collect(write: () => void): () => void {
    const changes: Changes = { puts: [], removals: [], lastRemovals: [] };
    this.changes = changes;
    try {
      write();
    } finally {
      this.changes = undefined;
    }
    return () => {
      for (const change of [...changes.puts, ...changes.removals, ...changes.lastRemovals]) change();
    };
  }

  private add(kind: keyof Changes, change: () => void): void {
    if (!this.changes) throw new Error("a change outside of a write");
    this.changes[kind].push(change);
  }
}
