import type { RoomId } from "../../core/index.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomTable } from "./room-table.js";

/** One room's part of the commit that is being made. */
export interface Draft {
  readonly record: RoomRecord;
  /** The newest offset before this commit. */
  readonly storedNewest: number;
  readonly bodies: Uint8Array[];
  /** Offsets of messages that it erases. */
  readonly erased: Set<number>;
}

/** The rooms of the commit that is being made. */
export class Drafts extends Map<RoomId, Draft> {
  /** Rooms among them that the store does not know yet. */
  newRooms = 0;

  constructor(private readonly rooms: RoomTable) {
    super();
  }

  /** Also of a room that this commit makes. @throws TOO_MANY_ROOMS */
  of(room: RoomId): Draft {
    const drafted = this.get(room);
    if (drafted) return drafted;
    const record = this.rooms.draft(room, this.newRooms);
    if (record.newest === 0) this.newRooms++;
    const draft: Draft = { record, storedNewest: record.newest, bodies: [], erased: new Set() };
    this.set(room, draft);
    return draft;
  }

  /** Of a room that this commit does not make; undefined: there is none. */
  ofExisting(room: RoomId): Draft | undefined {
    return this.get(room) ?? (this.rooms.get(room) ? this.of(room) : undefined);
  }

  /** Take a new room back whose first send was refused, before another is drafted: rooms are numbered without a gap. */
  takeBackIfEmpty(room: RoomId): void {
    const draft = this.get(room);
    if (draft?.storedNewest !== 0 || draft.bodies.length > 0) return;
    this.delete(room);
    this.newRooms--;
  }
}
