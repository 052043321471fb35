import { ConfabError } from "@confab/contract";
import type { Lineage, RoomId, RoomState } from "../../core/index.js";
import { NewRooms } from "./new-rooms.js";
import { RoomEpochs } from "./room-epochs.js";
import type { RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

/** Records held in memory; beyond it the ones longest unused are read from the store again when they are needed. */
const maxCachedRooms = 100_000;

/** What a commit does to the table. */
export interface RoomChanges {
  /** Records that it puts, also of rooms that it makes. */
  readonly put: ReadonlyMap<RoomId, RoomRecord>;
  /** How many of them it makes. */
  readonly made: number;
  /** Rooms that go away. */
  readonly removed: ReadonlyMap<RoomId, RoomRecord>;
}

/** The records of all rooms, as far as they are durable. */
export class RoomTable {
  /** In order of use, the oldest first: Map keeps insertion order. */
  private readonly cached = new Map<RoomId, RoomRecord>();
  /** How many rooms there are; undefined: not counted yet. */
  private count: number | undefined;
  private readonly newRooms: NewRooms;
  private readonly epochs: RoomEpochs;

  constructor(
    private readonly store: Store,
    private readonly maxRooms: number,
    /** The epoch of a room without a record that the room's readers hold positions of. */
    private readonly toldEpoch: (room: RoomId) => number | undefined,
  ) {
    this.newRooms = new NewRooms(store, () => this.counted());
    this.epochs = new RoomEpochs(store);
  }

  /** The epoch of a room if it is made from now on. */
  newRoomEpoch(room: RoomId): number {
    return this.newRooms.epochOf(room);
  }

  /** The room's record, or undefined while nobody has written to it. Do not change it. */
  get(room: RoomId): Readonly<RoomRecord> | undefined {
    const cached = this.cached.get(room);
    if (cached) return cached;
    const bytes = this.store.rooms.get(Buffer.from(room));
    if (!bytes) return undefined;
    const record = this.epochs.decode(room, bytes);
    this.remember(room, record);
    return record;
  }

  state(room: RoomId): RoomState {
    const record = this.get(room);
    return stateOf(record ?? { ...this.epochsOfNew(room), oldest: 1, newest: 0 });
  }

  /** A record to change and then to write: a copy, so that a failed commit leaves no trace. @throws TOO_MANY_ROOMS. */
  draft(room: RoomId, drafted: number): RoomRecord {
    const record = this.get(room);
    if (record) return { ...record };
    const count = this.counted();
    if (count + drafted >= this.maxRooms) {
      throw new ConfabError("TOO_MANY_ROOMS", `the server holds ${count} rooms; maxRooms is ${this.maxRooms}`);
    }
    const number = this.newRooms.lastNumber + drafted + 1;
    return { number, ...this.epochsOfNew(room), oldest: 1, newest: 0, bytes: 0 };
  }

  /** Write what has changed in the commit that is being made. */
  write({ put, made, removed }: RoomChanges): void {
    // First, since it may have to count the rooms that there are before this commit.
    this.newRooms.write(made, removed);
    for (const [room, record] of put) void this.store.rooms.put(Buffer.from(room), this.epochs.encode(record));
    for (const room of removed.keys()) void this.store.rooms.remove(Buffer.from(room));
  }

  /** The commit is durable. */
  committed({ put, made, removed }: RoomChanges): void {
    if (this.count !== undefined) this.count += made - removed.size;
    this.newRooms.committed();
    for (const room of removed.keys()) this.cached.delete(room);
    for (const [room, record] of put) this.remember(room, record);
  }

  /** Forget what is in memory: the store knows better after a commit of unknown outcome. */
  forget(): void {
    this.cached.clear();
    this.count = undefined;
    this.newRooms.forget();
  }

  list(prefix: string, after: string, limit: number): { room: RoomId; state: RoomState }[] {
    const found: { room: RoomId; state: RoomState }[] = [];
    const start = after > prefix ? after : prefix;
    for (const { key, value } of this.store.rooms.getRange({ start: Buffer.from(start) })) {
      const room = key.toString("latin1") as RoomId;
      if (!room.startsWith(prefix) || found.length === limit) break;
      if (room === after) continue;
      // The store may show a commit a moment before it is known here, and before the bus has brought it.
      found.push({ room, state: stateOf(this.cached.get(room) ?? this.epochs.decode(room, value)) });
    }
    return found;
  }

  private epochsOfNew(room: RoomId): Lineage {
    const lineage = this.newRooms.lineageOf(room);
    return { epoch: this.toldEpoch(room) ?? this.newRooms.epochOf(room), ...(lineage.length > 0 && { lineage }) };
  }

  private counted(): number {
    this.count ??= this.store.rooms.count();
    return this.count;
  }

  private remember(room: RoomId, record: RoomRecord): void {
    this.cached.delete(room);
    this.cached.set(room, record);
    if (this.cached.size <= maxCachedRooms) return;
    const [eldest] = this.cached.keys();
    if (eldest !== undefined) this.cached.delete(eldest);
  }
}

export function stateOf({ epoch, lineage, oldest, newest }: Omit<RoomRecord, "number" | "bytes">): RoomState {
  return { epoch, ...(lineage && { lineage }), oldest, newest, messages: newest - oldest + 1 };
}
