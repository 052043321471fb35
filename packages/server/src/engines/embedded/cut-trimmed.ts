import { decodeRoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

/**
 * Within a commit: write again the block of each room that holds trimmed messages before others. It looks at some rooms by
 * their names, from the first one after `after`. Returns the last of them; undefined: there are no more.
 */
export function cutTrimmed(store: Store, after: string, maxRooms: number): string | undefined {
  const start = Buffer.from(`${after}\0`);
  let last: string | undefined;
  let count = 0;
  for (const { key, value } of store.rooms.getRange({ start })) {
    if (++count > maxRooms) return last;
    last = key.toString("latin1");
    const { number, oldest } = decodeRoomRecord(value);
    if (oldest > 1 && startsEarlier(store, number, oldest))
      store.entries.rewrite(number, { bodies: new Map(), cutTo: oldest - 1 });
  }
  return undefined;
}

function startsEarlier(store: Store, room: number, oldest: number): boolean {
  try {
    for (const { first, last } of store.entries.forward(room, oldest)) return first < oldest && last >= oldest;
  } catch {
    // What is damaged stays as it is: for its readers.
  }
  return false;
}
