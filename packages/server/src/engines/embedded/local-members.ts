import type {
  Member,
  MemberCounts,
  MemberDirectory,
  OccupancyListener,
  PresenceChange,
  RoomId,
} from "../../core/index.js";
import type { RoomReaders } from "./room-readers.js";
import { SortedNames } from "./sorted-names.js";

interface RoomMembers {
  /** By user; "" is not here. */
  readonly connections: Map<string, number>;
  readonly names: SortedNames;
  subscribers: number;
}

/** The members of a single node's rooms: counts at once, and a page in the time that its own length takes. */
export class LocalMembers implements MemberDirectory {
  private readonly rooms = new Map<RoomId, RoomMembers>();
  private occupancyChanged: OccupancyListener | undefined;

  constructor(
    private readonly maxEventMembers: number,
    /** Told of first in and last out, and of how many members the room has then. */
    private readonly onChange: (change: PresenceChange, members: number) => void,
    /** Is notified of the first reader in and the last one out, with or without a name. */
    private readonly readers: Pick<RoomReaders, "entered" | "leftBy">,
  ) {}

  watchOccupancy(changed: OccupancyListener): void {
    this.occupancyChanged = changed;
  }

  enter(room: RoomId, user: string): void {
    let entered = this.rooms.get(room);
    if (!entered) {
      entered = { connections: new Map(), names: new SortedNames(), subscribers: 0 };
      this.rooms.set(room, entered);
      this.readers.entered(room);
      this.occupancyChanged?.(room, true);
    }
    entered.subscribers++;
    if (user === "") return;
    const connections = entered.connections.get(user) ?? 0;
    entered.connections.set(user, connections + 1);
    if (connections > 0) return;
    entered.names.add(user);
    this.tell({ room, user, isPresent: true }, entered.connections.size);
  }

  leave(room: RoomId, user: string): void {
    const left = this.rooms.get(room);
    if (!left) return;
    left.subscribers--;
    if (left.subscribers === 0) {
      this.rooms.delete(room);
      this.readers.leftBy(room);
      this.occupancyChanged?.(room, false);
    }
    if (user === "") return;
    const connections = left.connections.get(user) ?? 0;
    if (connections > 1) {
      left.connections.set(user, connections - 1);
      return;
    }
    left.connections.delete(user);
    left.names.delete(user);
    this.tell({ room, user, isPresent: false }, left.connections.size);
  }

  counts(rooms: readonly RoomId[]): MemberCounts[] {
    return rooms.map((room) => {
      const counted = this.rooms.get(room);
      return { members: counted?.connections.size ?? 0, subscribers: counted?.subscribers ?? 0 };
    });
  }

  page(room: RoomId, after: string, limit: number): Member[] {
    const paged = this.rooms.get(room);
    const names = paged?.names.after(after, limit) ?? [];
    return names.map((user) => ({ user, connections: paged?.connections.get(user) ?? 0 }));
  }

  private tell(change: PresenceChange, members: number): void {
    if (members <= this.maxEventMembers) this.onChange(change, members);
  }
}
