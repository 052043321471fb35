import { blockOf, type ClockLog } from "../../core/index.js";
import { readOldRun } from "./old-entries.js";
import { decodeRoomRecord } from "./room-record.js";
import type { Store, Table } from "./store.js";

/** Messages that one transaction takes out of the old table and puts into blocks. It bounds what a start holds in memory. */
const step = { maxEntries: 4_096, maxBytes: 4_194_304 };

export interface Conversion {
  readonly store: Store;
  /** The table of a log with a key for each message. */
  readonly entries: Table;
  readonly log: ClockLog;
}

/**
 * Bring the messages of a log of format 1 or 2 into blocks. Each transaction moves some of them, so a process that is killed
 * meanwhile leaves a log that the next start goes on with. What lies outside of a room's range was refused, and is left out.
 *
 * @throws WriteError
 */
export async function convertLog({ store, entries, log }: Conversion): Promise<void> {
  const ranges = new Map<number, { readonly from: number; readonly to: number }>();
  for (const { value } of store.rooms.getRange({})) {
    const { number, oldest, newest } = decodeRoomRecord(value);
    ranges.set(number, { from: oldest, to: newest });
  }
  let isAnnounced = false;
  for (;;) {
    const run = readOldRun(entries, step);
    if (!run) return;
    if (!isAnnounced) log.warn({}, "the log has an earlier format and is converted; this may take a while");
    isAnnounced = true;
    const range = ranges.get(run.room) ?? { from: 1, to: 0 };
    const kept = run.entries.filter(({ offset }) => offset >= range.from && offset <= range.to);
    await store.write(() => {
      const [first, last] = [kept[0], kept.at(-1)];
      const bytes = blockOf(kept.map(({ body }) => body));
      if (first && last) store.entries.append(run.room, { first: first.offset, last: last.offset, bytes });
      for (const key of run.keys) void entries.remove(key);
    });
  }
}
