import type { Table } from "./store.js";

/** Old keys removed in one commit, if there are any; enough to catch up after a pause, few enough for a commit to stay short. */
const minDropsPerCommit = 1_024;

/** Remove the first keys of a table that are below one, `more` than in any commit. */
export function dropBelow(table: Table, key: Buffer, more: number): void {
  for (const below of table.getKeys({ end: key, limit: minDropsPerCommit + more })) void table.remove(below);
}
