import type { Table } from "./store.js";

/**
 * The changes of a write, made when all of them are known. lmdb commits what a transaction's callback has put before it
 * throws (3.5.6), so what may throw comes before: decisions and reads.
 */
export class ChangeList {
  private changes: (() => void)[] | undefined;

  /** A table whose changes are collected. */
  tableOf(table: Table): Table {
    return {
      get: (key) => table.get(key),
      getKeys: (range) => table.getKeys(range),
      getRange: (range) => table.getRange(range),
      put: (key, value) => this.add(() => void table.put(key, value)),
      remove: (key) => this.add(() => void table.remove(key)),
    };
  }

  /** Collect what `write` changes; the result makes the changes. @throws what `write` throws: nothing is changed then. */
  collect(write: () => void): () => void {
    const changes: (() => void)[] = [];
    this.changes = changes;
    try {
      write();
    } finally {
      this.changes = undefined;
    }
    return () => {
      for (const change of changes) change();
    };
  }

  private add(change: () => void): void {
    if (!this.changes) throw new Error("a change outside of a write");
    this.changes.push(change);
  }
}
