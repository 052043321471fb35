import { ConfabError } from "@confab/contract";
import type { RoomId, RoomState } from "../../core/index.js";
import { decodeRoomRecord, encodeRoomRecord, type RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

/** Records held in memory; beyond it the ones longest unused are read from the store again when they are needed. */
const maxCachedRooms = 100_000;

/** The records of all rooms, as far as they are durable. */
export class RoomTable {
  /** In order of use, the oldest first: Map keeps insertion order. */
  private readonly cached = new Map<RoomId, RoomRecord>();
  /** New rooms of the commit that is being made, or that failed: the store may show them before they are durable. */
  private readonly unflushed = new Set<RoomId>();
  private count: number;
  private nextNumber: number;

  constructor(
    private readonly store: Store,
    private readonly maxRooms: number,
  ) {
    // Rooms are never removed and are numbered from 1 without a gap, so how many there are says the next number.
    this.count = entryCountOf(store);
    this.nextNumber = this.count + 1;
  }

  /** The room's record, or undefined while nobody has written to it. Do not change it. */
  get(room: RoomId): Readonly<RoomRecord> | undefined {
    const cached = this.cached.get(room);
    if (cached) return cached;
    if (this.unflushed.has(room)) return undefined;
    const bytes = this.store.rooms.get(Buffer.from(room));
    if (!bytes) return undefined;
    const record = decodeRoomRecord(bytes);
    this.remember(room, record);
    return record;
  }

  state(room: RoomId): RoomState {
    return stateOf(this.store.epoch, this.get(room));
  }

  /** A record to change and then to `put`: a copy, so that a failed commit leaves no trace. @throws TOO_MANY_ROOMS. */
  draft(room: RoomId, drafted: number): RoomRecord {
    const record = this.get(room);
    if (record) return { ...record };
    if (this.count + drafted >= this.maxRooms) {
      throw new ConfabError("TOO_MANY_ROOMS", `the server holds ${this.count} rooms; maxRooms is ${this.maxRooms}`);
    }
    return { number: this.nextNumber + drafted, oldest: 1, newest: 0, bytes: 0 };
  }

  /** Write a changed record in the commit that is being made. */
  put(room: RoomId, record: RoomRecord): void {
    if (!this.cached.has(room)) this.unflushed.add(room);
    void this.store.rooms.put(Buffer.from(room), encodeRoomRecord(record));
  }

  /** The record is durable now. */
  committed(room: RoomId, record: RoomRecord): void {
    this.unflushed.delete(room);
    if (record.number >= this.nextNumber) {
      this.nextNumber = record.number + 1;
      this.count++;
    }
    this.remember(room, record);
  }

  /** Forget what is in memory: the store knows better after a commit of unknown outcome. */
  forget(): void {
    this.unflushed.clear();
    this.cached.clear();
    this.count = entryCountOf(this.store);
    this.nextNumber = this.count + 1;
  }

  list(prefix: string, after: string, limit: number): { room: RoomId; state: RoomState }[] {
    const found: { room: RoomId; state: RoomState }[] = [];
    const start = after > prefix ? after : prefix;
    for (const { key, value } of this.store.rooms.getRange({ start: Buffer.from(start) })) {
      const room = key.toString("latin1") as RoomId;
      if (!room.startsWith(prefix) || found.length === limit) break;
      if (room === after || this.unflushed.has(room)) continue;
      // What is in memory is durable; what the store shows may be of a commit that is not flushed yet.
      found.push({ room, state: stateOf(this.store.epoch, this.cached.get(room) ?? decodeRoomRecord(value)) });
    }
    return found;
  }

  private remember(room: RoomId, record: RoomRecord): void {
    this.cached.delete(room);
    this.cached.set(room, record);
    if (this.cached.size <= maxCachedRooms) return;
    const [eldest] = this.cached.keys();
    if (eldest !== undefined) this.cached.delete(eldest);
  }
}

function stateOf(epoch: number, record: RoomRecord | undefined): RoomState {
  if (!record) return { epoch, oldest: 1, newest: 0, messages: 0 };
  const { oldest, newest } = record;
  return { epoch, oldest, newest, messages: newest - oldest + 1 };
}

function entryCountOf(store: Store): number {
  const stats = store.rooms.getStats();
  if ("entryCount" in stats && typeof stats.entryCount === "number") return stats.entryCount;
  throw new Error("LMDB did not say how many rooms there are");
}
