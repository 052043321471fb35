import type { Store } from "../store.js";
import type { Change, TableName } from "./batch.js";
import { OverlayEntries } from "./overlay-entries.js";
import { type OverlayPart, OverlayTable } from "./overlay-table.js";

/** What is durable, over the tables of a store that has not taken all of it. */
export class Overlay {
  readonly entries: OverlayEntries;
  readonly tables: Readonly<Record<TableName, OverlayTable>>;

  constructor(below: Pick<Store, "entries" | TableName>) {
    this.entries = new OverlayEntries(below.entries);
    this.tables = {
      ids: new OverlayTable(below.ids),
      rooms: new OverlayTable(below.rooms),
      meta: new OverlayTable(below.meta),
    };
  }

  /** The changes are durable. */
  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if ("key" in change) this.tables[change.table].set(change.key, change.value);
      else if ("offset" in change) this.entries.rewrite(change);
      else this.entries.change(change);
    }
  }

  /** Set apart what is to be stored. Not before `stored` was called for what was set apart before. */
  take(): void {
    this.entries.take();
    for (const table of Object.values(this.tables)) table.take();
  }

  /** Write what was taken to the tables below, within a write of their store. */
  store(): void {
    this.entries.store();
    for (const table of Object.values(this.tables)) table.store();
  }

  /** What was taken can be read below now. */
  stored(): void {
    this.entries.stored();
    for (const table of Object.values(this.tables)) table.stored();
  }

  /** What it has, without the ids. `apply` of this gives another overlay that reads the same. */
  *changes(part: OverlayPart): Iterable<Change> {
    yield* this.entries.changes(part);
    for (const table of ["rooms", "meta"] as const)
      for (const [key, value] of this.tables[table].changes(part)) yield { table, key, value };
  }
}
