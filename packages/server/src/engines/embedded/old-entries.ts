import type { LogEntry, PageBounds } from "../../core/index.js";
import { lastOffsetOf, roomNumberOf } from "./keys.js";
import type { Table } from "./store.js";

export interface OldRun {
  readonly room: number;
  readonly entries: readonly LogEntry[];
  readonly keys: readonly Buffer[];
}

/** Of the table of formats 1 and 2 (┌ room number: u32 ┐┌ offset: u48 ┐ → encoded body), the first messages that are of one room and follow each other; undefined: it is empty. */
export function readOldRun(table: Table, { maxEntries, maxBytes }: PageBounds): OldRun | undefined {
  const entries: LogEntry[] = [];
  const keys: Buffer[] = [];
  let room: number | undefined;
  let bytes = 0;
  for (const { key, value } of table.getRange({ limit: maxEntries })) {
    const offset = lastOffsetOf(key);
    const last = entries.at(-1);
    room ??= roomNumberOf(key);
    if (roomNumberOf(key) !== room || bytes >= maxBytes || (last && offset !== last.offset + 1)) break;
    entries.push({ offset, body: value });
    keys.push(key);
    bytes += value.length;
  }
  return room === undefined ? undefined : { room, entries, keys };
}
