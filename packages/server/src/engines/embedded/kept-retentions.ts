import {
  narrowest,
  numbersOf,
  outOfRange,
  type Retention,
  type RoomId,
  type RoomRetention,
  retentionFrom,
} from "../../core/index.js";
import type { RoomTable } from "./room-table.js";
import type { Store } from "./store.js";

/** Keys of the table `meta`: this, and the name of a room that has its own bounds. The value: three f64 (`numbersOf`). */
const prefix = "kept ";
const range = { start: Buffer.from(prefix), end: Buffer.from("kept!") };

export interface KeptRetentionsDeps {
  readonly store: Pick<Store, "meta">;
  /** Of the configuration. */
  readonly all: RoomRetention;
  readonly rooms: () => RoomTable;
  /** Within a commit: whether the room goes away in it. */
  readonly isRemoving: (room: RoomId) => boolean;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** Drop all that a room keeps no longer. */
  readonly trim: (room: RoomId) => void;
}

/** How much is kept of each room, with the bounds that rooms have themselves. There are at most as many as rooms. */
export class KeptRetentions implements RoomRetention {
  /** What is durable. */
  private own = new Map<RoomId, Retention>();

  constructor(private readonly deps: KeptRetentionsDeps) {
    this.load();
  }

  of(room: RoomId): Retention {
    const all = this.deps.all.of(room);
    const own = this.own.size === 0 ? undefined : this.own.get(room);
    return own ? narrowest(own, all) : all;
  }

  get hasAges(): boolean {
    return this.deps.all.hasAges || this.own.size > 0;
  }

  ownOf(room: RoomId): Retention {
    return this.own.get(room) ?? {};
  }

  /** Whether a room may hold something that it keeps no longer although nothing is sent to it. */
  mayAge(room: RoomId): boolean {
    return this.own.has(room) || this.deps.all.of(room).maxAgeMs !== undefined;
  }

  /** @see RoomLog.setRetention */
  async set(room: RoomId, retention: Retention): Promise<void> {
    const { store, rooms, isRemoving, write, trim } = this.deps;
    const bounds = numbersOf(retention);
    const isNone = bounds.every((bound) => bound === 0);
    let isThere = false;
    try {
      await write(() => {
        isThere = rooms().get(room) !== undefined && !isRemoving(room);
        if (!isThere) return;
        if (isNone) void store.meta.remove(keyOf(room));
        else void store.meta.put(keyOf(room), boundsValue(bounds));
      });
    } catch (thrown) {
      this.load();
      throw thrown;
    }
    if (!isThere) throw outOfRange(room, rooms().state(room), "a room without a message has no bounds");
    if (isNone) this.own.delete(room);
    else this.own.set(room, retentionFrom(bounds));
    trim(room);
  }

  /** In the commit that removes a room. */
  remove(room: RoomId): void {
    if (this.own.has(room)) void this.deps.store.meta.remove(keyOf(room));
  }

  /** A room has gone away, or may have: the store knows. */
  removed(room: RoomId): void {
    const value = this.own.has(room) ? this.deps.store.meta.get(keyOf(room)) : undefined;
    if (value) this.own.set(room, retentionFrom(numbersIn(value)));
    else this.own.delete(room);
  }

  private load(): void {
    this.own = new Map();
    for (const { key, value } of this.deps.store.meta.getRange(range))
      this.own.set(key.toString("latin1").slice(prefix.length) as RoomId, retentionFrom(numbersIn(value)));
  }
}

function keyOf(room: RoomId): Buffer {
  return Buffer.from(prefix + room);
}

function boundsValue(bounds: readonly number[]): Buffer {
  const value = Buffer.allocUnsafe(8 * bounds.length);
  for (const [index, bound] of bounds.entries()) value.writeDoubleBE(bound, 8 * index);
  return value;
}

function numbersIn(value: Buffer): number[] {
  return [0, 8, 16].map((at) => (at + 8 <= value.length ? value.readDoubleBE(at) : 0));
}
