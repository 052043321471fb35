import type { Store } from "../store.js";

// What a store knows of the write-ahead log in front of it.

export const appliedKey = Buffer.from("applied");

/** There since the store has a write-ahead log: when that is gone, something is lost. */
export const walKey = Buffer.from("wal");

/** Whether something may have been acknowledged that is in a write-ahead log alone. */
export function hasWal(store: Pick<Store, "meta">): boolean {
  return store.meta.get(walKey) !== undefined;
}

/** The number of the last record of the write-ahead log whose content a store has; 0: none. */
export function appliedIn(store: Pick<Store, "meta">): number {
  return store.meta.get(appliedKey)?.readDoubleBE(0) ?? 0;
}
