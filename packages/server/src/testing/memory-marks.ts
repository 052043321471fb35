import { ConfabError, limits } from "@confab/contract";
import {
  type MarkedRoom,
  type MovedMark,
  offsetHere,
  outOfRange,
  type ReadMark,
  type ReadMarks,
  type RoomId,
} from "../core/index.js";

/** Read marks without a disk. */
export class MemoryMarks implements ReadMarks {
  private readonly rooms = new Map<RoomId, Map<string, ReadMark>>();

  constructor(private readonly stateOf: (room: RoomId) => Omit<MarkedRoom, "marks">) {}

  of(user: string, rooms: readonly RoomId[]): MarkedRoom[] {
    return rooms.map((room) => {
      const mark = this.rooms.get(room)?.get(user);
      return { ...this.stateOf(room), marks: mark ? [this.here(room, mark)] : [] };
    });
  }

  page(room: RoomId, after: string, limit: number): MarkedRoom {
    const all = [...(this.rooms.get(room)?.values() ?? [])].filter(({ user }) => order(user, after) > 0);
    const marks = all.sort((one, other) => order(one.user, other.user)).slice(0, limit);
    return { ...this.stateOf(room), marks: marks.map((mark) => this.here(room, mark)) };
  }

  async move(room: RoomId, mark: ReadMark): Promise<MovedMark> {
    const { state, changes } = this.stateOf(room);
    const offset = offsetHere(mark.position, state);
    if (offset === undefined || offset > state.newest) throw outOfRange(room, state, "the room is not there");
    const marks = this.rooms.get(room) ?? new Map<string, ReadMark>();
    const found = marks.get(mark.user);
    if (!found && marks.size >= limits.maxReadMarksPerRoom.fallback)
      throw new ConfabError("TOO_MANY_READ_MARKS", `room ${room} has too many`);
    const before = found && this.here(room, found);
    const isMoved = !before || before.position.offset < offset;
    if (isMoved) this.rooms.set(room, marks.set(mark.user, mark));
    return { state, changes, marks: [], mark: isMoved ? mark : before, isMoved };
  }

  async remove(user: string, rooms: readonly RoomId[]): Promise<void> {
    for (const room of rooms) this.rooms.get(room)?.delete(user);
  }

  roomRemoved(room: RoomId): void {
    this.rooms.delete(room);
  }

  /** A mark in the room's epoch now. Of what was lost no more is read than what is left. */
  private here(room: RoomId, mark: ReadMark): ReadMark {
    const { epoch, newest } = this.stateOf(room).state;
    const offset = Math.min(mark.position.offset, newest);
    return {
      ...mark,
      position: { epoch, offset },
      changes: offset === mark.position.offset ? mark.changes : undefined,
    };
  }
}

function order(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
