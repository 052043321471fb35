import type {
  Member,
  MemberCounts,
  MemberDirectory,
  OccupancyListener,
  PresenceChange,
  RoomId,
} from "../core/index.js";

/** Told of first in and last out, and of how many members the room has then. */
type OnChange = (change: PresenceChange, members: number) => void;

/** Who reads the rooms of some nodes, worked out anew for each question: slow, and easy to believe. */
export class MemoryMembers {
  private readonly nodes: NodeMembers[] = [];

  constructor(
    readonly onChange: OnChange,
    readonly maxEventMembers: number,
  ) {}

  /** The directory of one more node. */
  node(): MemberDirectory & { close(): void } {
    const node = new NodeMembers(this);
    this.nodes.push(node);
    return node;
  }

  /** Every user of a room and the subscriptions on all nodes, with those who are not listed as "". */
  connections(room: RoomId): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { subscriptions } of this.nodes) {
      for (const subscription of subscriptions) {
        if (subscription.room === room) sums.set(subscription.user, (sums.get(subscription.user) ?? 0) + 1);
      }
    }
    return sums;
  }

  members(room: RoomId): Member[] {
    return [...this.connections(room)]
      .filter(([user]) => user !== "")
      .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map(([user, connections]) => ({ user, connections }));
  }
}

class NodeMembers implements MemberDirectory {
  readonly subscriptions: { readonly room: RoomId; readonly user: string }[] = [];
  private occupancyChanged: OccupancyListener | undefined;

  constructor(private readonly all: MemoryMembers) {}

  watchOccupancy(changed: OccupancyListener): void {
    this.occupancyChanged = changed;
  }

  enter(room: RoomId, user: string): void {
    this.change(room, user, () => this.subscriptions.push({ room, user }));
  }

  leave(room: RoomId, user: string): void {
    const index = this.subscriptions.findIndex((entered) => entered.room === room && entered.user === user);
    if (index >= 0) this.change(room, user, () => this.subscriptions.splice(index, 1));
  }

  counts(rooms: readonly RoomId[]): MemberCounts[] {
    return rooms.map((room) => ({
      members: this.all.members(room).length,
      subscribers: [...this.all.connections(room).values()].reduce((sum, connections) => sum + connections, 0),
    }));
  }

  page(room: RoomId, after: string, limit: number): Member[] {
    const isAfter = ({ user }: Member) => Buffer.compare(Buffer.from(user), Buffer.from(after)) > 0;
    return this.all.members(room).filter(isAfter).slice(0, limit);
  }

  /** Its node is gone. */
  close(): void {
    for (const { room, user } of [...this.subscriptions]) this.leave(room, user);
  }

  private change(room: RoomId, user: string, run: () => void): void {
    const before = this.all.members(room).length;
    const wasRead = this.all.connections(room).size > 0;
    run();
    const isRead = this.all.connections(room).size > 0;
    if (isRead !== wasRead) this.occupancyChanged?.(room, isRead);
    const members = this.all.members(room).length;
    if (members === before || members > this.all.maxEventMembers) return;
    this.all.onChange({ room, user, isPresent: members > before }, members);
  }
}
