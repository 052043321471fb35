import { decodeChatMessage } from "@confab/contract";
import { type Retention, type RoomId, runBackward } from "../../core/index.js";
import type { DedupeIndex } from "./dedupe-index.js";
import type { KeptMarks } from "./kept-marks.js";
import type { KeptRetentions } from "./kept-retentions.js";
import type { RoomReaders } from "./room-readers.js";
import type { RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

export interface RoomRemovalDeps {
  readonly store: Store;
  readonly ids: DedupeIndex;
  readonly readers: RoomReaders;
  readonly marks: Pick<KeptMarks, "roomRemoved">;
  readonly retentions: Pick<KeptRetentions, "remove">;
  /** For how long a room must have been empty, in milliseconds. */
  readonly emptyRoomMs: number;
}

const oneEntry = { maxEntries: 1, maxBytes: 1 };

/** Which rooms go away. It is asked within the commit that removes them. */
export class RoomRemoval {
  constructor(private readonly deps: RoomRemovalDeps) {}

  /**
   * Whether nothing of a room is kept any more: its newest message has been past its age for `emptyRoomMs`, the
   * room had no reader for as long, and no id of it must be recognised.
   */
  isDue(room: RoomId, record: RoomRecord, { maxAgeMs }: Retention, nowMs: number): boolean {
    if (maxAgeMs === undefined || record.oldest < record.newest) return false;
    const { store, ids, readers, emptyRoomMs } = this.deps;
    if (!readers.areGone(room)) return false;
    // A message that is missing is damage, which a removal would hide.
    const { number, newest } = record;
    const range = { from: newest, to: newest };
    const [entry] = runBackward(store.entries.backward(number, newest), range, oneEntry).entries;
    if (!entry || decodeChatMessage(entry.body).sentAtMs + maxAgeMs + emptyRoomMs > nowMs) return false;
    return !ids.hasAny(record.number);
  }

  /** Remove the room's messages, marks and own bounds in the commit that is being made. */
  removeEntries(room: RoomId, { number }: RoomRecord): void {
    this.deps.store.entries.clear(number);
    this.deps.marks.roomRemoved(number);
    this.deps.retentions.remove(room);
  }
}
