import { ConfabError } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import type { Keys } from "./keys.js";
import type { RedisLink } from "./redis-link.js";
import { reserveRoomScript } from "./scripts/reserve-room.js";

/** Rooms known to be listed, of which the ones longest unused are asked for again. */
const maxKnownRooms = 100_000;

/** How long a room is taken to be listed still, in milliseconds: the index may be evicted, or be lost on another server. */
const trustMs = 60_000;

/** The names of all rooms, in the order of their names. It is a key of its own, so on a Cluster it may be elsewhere than a room. */
export class RoomIndex {
  /** When each was last seen to be listed; in the order of that, the oldest first. */
  private readonly known = new Map<RoomId, number>();

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly maxRooms: number,
  ) {}

  /** A room is listed before its first message, so that no message is in a room that nobody finds. @throws TOO_MANY_ROOMS */
  reserve(room: RoomId): Promise<void> | undefined {
    const seenAtMs = this.known.get(room);
    if (seenAtMs === undefined) return this.list(room);
    if (performance.now() - seenAtMs > trustMs) {
      this.remember(room);
      // The message need not wait: should this fail, the next one asks.
      this.list(room).catch(() => this.known.delete(room));
    }
    return undefined;
  }

  /** Names that begin with `prefix` and come after `after`. */
  async page(prefix: string, after: string, limit: number): Promise<RoomId[]> {
    const min = after > prefix || after === prefix ? `(${after}` : `[${prefix}`;
    // Names are ASCII, so all that begin with the prefix come before its continuation by this byte.
    const max = prefix === "" ? "+" : Buffer.concat([Buffer.from(`[${prefix}`), Buffer.of(0xff)]);
    const start = min === "(" || min === "[" ? "-" : min;
    return this.range(this.keys.rooms, start, max, limit);
  }

  /** Names after one, of rooms that may have their own bounds. */
  boundedPage(after: string, limit: number): Promise<RoomId[]> {
    return this.range(this.keys.bounded, after === "" ? "-" : `(${after}`, "+", limit);
  }

  /** Before a room gets its own bounds. A name that stays although it has none costs a look from time to time. */
  async addBounded(room: RoomId): Promise<void> {
    await this.link.send(this.keys.bounded, ["ZADD", this.keys.bounded, "0", room]);
  }

  private async range(key: string, start: string, max: string | Buffer, limit: number): Promise<RoomId[]> {
    const names = await this.link.send(key, [
      ...["ZRANGE", key, start],
      max,
      ...["BYLEX", "LIMIT", "0", String(limit)],
    ]);
    return (names as Buffer[]).map((name) => name.toString("latin1") as RoomId);
  }

  /** A room that was listed before its first message, as it may have been taken off since. */
  listAgain(room: RoomId): void {
    // Should this fail, the next message asks.
    this.link.send(this.keys.rooms, ["ZADD", this.keys.rooms, "0", room]).catch(() => this.known.delete(room));
  }

  /**
   * Take a room off the index that has gone away; `isThere` tells whether it has been made again meanwhile. Who makes it
   * lists it before its first message and once more after it, so one of the two sees the other.
   */
  async remove(room: RoomId, isThere: () => Promise<boolean>): Promise<void> {
    this.known.delete(room);
    await this.link.send(this.keys.rooms, ["ZREM", this.keys.rooms, room]);
    await this.link.send(this.keys.bounded, ["ZREM", this.keys.bounded, room]);
    if (!(await isThere())) return;
    await this.link.send(this.keys.rooms, ["ZADD", this.keys.rooms, "0", room]);
    // It may have been given bounds, too.
    await this.addBounded(room);
  }

  /** The index may be another one now: ask again before the next message of each room. */
  forget(): void {
    this.known.clear();
  }

  private async list(room: RoomId): Promise<void> {
    const count = Number(await this.link.run(reserveRoomScript, [this.keys.rooms], [room, String(this.maxRooms)]));
    if (count < 0) {
      throw new ConfabError("TOO_MANY_ROOMS", `Redis holds ${-1 - count} rooms; maxRooms is ${this.maxRooms}`);
    }
    this.remember(room);
  }

  private remember(room: RoomId): void {
    this.known.delete(room);
    this.known.set(room, performance.now());
    if (this.known.size <= maxKnownRooms) return;
    const [eldest] = this.known.keys();
    if (eldest !== undefined) this.known.delete(eldest);
  }
}
