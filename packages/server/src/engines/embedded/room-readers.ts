import type { Clock, RoomId } from "../../core/index.js";

/** Rooms remembered whose readers have left; past it the ones that were left first are forgotten. */
const maxLeftRooms = 100_000;

interface LeftRoom {
  readonly epoch: number;
  readonly atMs: number;
}

/**
 * Which rooms are read, and which were read until a moment ago: those do not go away.
 *
 * It also knows the epoch that a room had for its first reader, if nothing was written to it yet. New rooms may get another
 * epoch while the room is read, and its readers hold positions of this one.
 */
export class RoomReaders {
  /** A room to the epoch that it had, or would have got, when its first reader came. */
  private readonly read = new Map<RoomId, number>();
  /** In the order in which they were left, the first one first. */
  private readonly left = new Map<RoomId, LeftRoom>();
  private readonly openedAtMs: number;

  constructor(
    private readonly clock: Pick<Clock, "monotonicMs">,
    /** How long a room is remembered when it was left, in milliseconds. */
    private readonly keepMs: number,
    private readonly newRoomEpoch: (room: RoomId) => number,
  ) {
    this.openedAtMs = clock.monotonicMs();
  }

  /** The first reader of a room comes. */
  entered(room: RoomId): void {
    this.read.set(room, this.epochOf(room) ?? this.newRoomEpoch(room));
    this.left.delete(room);
  }

  /** The last reader of a room leaves. */
  leftBy(room: RoomId): void {
    const epoch = this.read.get(room);
    if (epoch === undefined) return;
    this.read.delete(room);
    this.left.set(room, { epoch, atMs: this.clock.monotonicMs() });
    this.forgetLeft();
  }

  /** Forget the rooms that were left too long ago. */
  forgetLeft(): void {
    const nowMs = this.clock.monotonicMs();
    for (const [first, { atMs }] of this.left) {
      if (atMs + this.keepMs > nowMs && this.left.size <= maxLeftRooms) break;
      this.left.delete(first);
    }
  }

  /** The epoch of a room without a first message, as its readers know it; undefined: it has none. */
  epochOf(room: RoomId): number | undefined {
    return this.read.get(room) ?? this.left.get(room)?.epoch;
  }

  /** Whether a room had no reader for `keepMs`. Those of an earlier process may come back for as long after the start. */
  areGone(room: RoomId): boolean {
    if (this.read.has(room)) return false;
    return (this.left.get(room)?.atMs ?? this.openedAtMs) + this.keepMs <= this.clock.monotonicMs();
  }

  /** A room went away, or may have: its epoch must not come back. */
  removed(room: RoomId): void {
    this.left.delete(room);
    if (this.read.has(room)) this.read.set(room, this.newRoomEpoch(room));
  }
}
