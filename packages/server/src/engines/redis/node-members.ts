import type { Member, MemberCounts, MemberDirectory, PresenceChange, RoomId } from "../../core/index.js";

/** Who reads on this node alone. */
export class NodeMembers implements MemberDirectory {
  private readonly rooms = new Map<RoomId, Map<string, number>>();

  constructor(
    private readonly maxEventMembers: number,
    /** Told of first in and last out, and of how many members the room has then. */
    private readonly onChange: (change: PresenceChange, members: number) => void,
  ) {}

  enter(room: RoomId, user: string): void {
    const users = this.rooms.get(room) ?? new Map<string, number>();
    const count = users.get(user) ?? 0;
    this.rooms.set(room, users.set(user, count + 1));
    if (count === 0) this.tell({ room, user, isPresent: true });
  }

  leave(room: RoomId, user: string): void {
    const users = this.rooms.get(room);
    const count = users?.get(user) ?? 0;
    if (!users || count > 1) {
      users?.set(user, count - 1);
      return;
    }
    users.delete(user);
    this.tell({ room, user, isPresent: false });
    if (users.size === 0) this.rooms.delete(room);
  }

  counts(rooms: readonly RoomId[]): readonly MemberCounts[] {
    return rooms.map((room) => {
      const users = this.rooms.get(room) ?? new Map<string, number>();
      const subscribers = [...users.values()].reduce((sum, count) => sum + count, 0);
      return { members: users.has("") ? users.size - 1 : users.size, subscribers };
    });
  }

  page(room: RoomId, after: string, limit: number): readonly Member[] {
    const start = Buffer.from(after);
    return [...(this.rooms.get(room) ?? [])]
      .filter(([user]) => user !== "" && Buffer.compare(Buffer.from(user), start) > 0)
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .slice(0, limit)
      .map(([user, connections]) => ({ user, connections }));
  }

  private tell(change: PresenceChange): void {
    const [counts] = this.counts([change.room]);
    if (change.user !== "" && counts && counts.members <= this.maxEventMembers) this.onChange(change, counts.members);
  }
}
