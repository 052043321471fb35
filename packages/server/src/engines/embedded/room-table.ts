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
  /** How many rooms there are; undefined: not counted yet. They are never removed, and numbered from 1 without a gap. */
  private count: number | undefined;

  constructor(
    private readonly store: Store,
    private readonly maxRooms: number,
  ) {}

  /** The room's record, or undefined while nobody has written to it. Do not change it. */
  get(room: RoomId): Readonly<RoomRecord> | undefined {
    const cached = this.cached.get(room);
    if (cached) return cached;
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
    const count = this.counted();
    if (count + drafted >= this.maxRooms) {
      throw new ConfabError("TOO_MANY_ROOMS", `the server holds ${count} rooms; maxRooms is ${this.maxRooms}`);
    }
    return { number: count + drafted + 1, oldest: 1, newest: 0, bytes: 0 };
  }

  /** Write a changed record in the commit that is being made. */
  put(room: RoomId, record: RoomRecord): void {
    void this.store.rooms.put(Buffer.from(room), encodeRoomRecord(record));
  }

  /** The record is durable now. */
  committed(room: RoomId, record: RoomRecord): void {
    if (this.count !== undefined) this.count = Math.max(this.count, record.number);
    this.remember(room, record);
  }

  /** Forget what is in memory: the store knows better after a commit of unknown outcome. */
  forget(): void {
    this.cached.clear();
    this.count = undefined;
  }

  list(prefix: string, after: string, limit: number): { room: RoomId; state: RoomState }[] {
    const found: { room: RoomId; state: RoomState }[] = [];
    const start = after > prefix ? after : prefix;
    for (const { key, value } of this.store.rooms.getRange({ start: Buffer.from(start) })) {
      const room = key.toString("latin1") as RoomId;
      if (!room.startsWith(prefix) || found.length === limit) break;
      if (room === after) continue;
      // The store may show a commit a moment before it is known here, and before the bus has brought it.
      found.push({ room, state: stateOf(this.store.epoch, this.cached.get(room) ?? decodeRoomRecord(value)) });
    }
    return found;
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

function stateOf(epoch: number, record: RoomRecord | undefined): RoomState {
  if (!record) return { epoch, oldest: 1, newest: 0, messages: 0 };
  const { oldest, newest } = record;
  return { epoch, oldest, newest, messages: newest - oldest + 1 };
}
