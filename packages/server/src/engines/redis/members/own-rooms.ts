import type { RoomId } from "../../../core/index.js";

/** What this node knows of one room, and how much of it Redis knows. */
export interface OwnRoom {
  readonly room: RoomId;
  /** Subscriptions by user; readers without a name are not here. */
  readonly connections: Map<string, number>;
  subscribers: number;
  /** Users of whom Redis may know something else. */
  readonly stale: Set<string>;
  /** Redis may hold users of this node whom neither of the two above names: they are to be looked for. */
  isSuspect: boolean;
  /** Redis lists the room among the rooms of this node. */
  isListed: boolean;
  /** What this node left in the room's hash of nodes; empty: nothing. */
  stamp: string;
}

/** Names that Redis need not know any more and that are kept while it is away, beside those of the room's users. */
const spareStale = 1_000;

/** The one truth about who reads on this node. Redis is written from it, and again whenever there is doubt. */
export class OwnRooms {
  private readonly rooms = new Map<RoomId, OwnRoom>();
  private revision = 0;

  get(room: RoomId): OwnRoom | undefined {
    return this.rooms.get(room);
  }

  /** Live: rooms that are added during a walk are part of it. */
  all(): Iterable<OwnRoom> {
    return this.rooms.values();
  }

  get size(): number {
    return this.rooms.size;
  }

  enter(room: RoomId, user: string): void {
    let own = this.rooms.get(room);
    if (!own) {
      own = {
        room,
        connections: new Map(),
        subscribers: 0,
        stale: new Set(),
        isSuspect: false,
        isListed: false,
        stamp: "",
      };
      this.rooms.set(room, own);
    }
    own.subscribers++;
    if (user !== "") this.count(own, user, 1);
  }

  leave(room: RoomId, user: string): void {
    const own = this.rooms.get(room);
    if (!own) return;
    own.subscribers--;
    if (user !== "") this.count(own, user, -1);
  }

  /** Everybody leaves. */
  clear(): void {
    for (const own of this.rooms.values()) {
      own.subscribers = 0;
      for (const user of own.connections.keys()) own.stale.add(user);
      own.connections.clear();
    }
  }

  /** Redis knows nothing of what this node wrote, or it is under a name that this node has given up. */
  startAnew(): void {
    for (const own of this.rooms.values()) {
      own.isListed = false;
      own.isSuspect = false;
      own.stamp = "";
      own.stale.clear();
      for (const user of own.connections.keys()) own.stale.add(user);
    }
  }

  /** A room of which Redis knows all, and that nobody here reads any more. */
  forget(own: OwnRoom): void {
    this.rooms.delete(own.room);
  }

  /** While Redis is away, names of those who have gone meanwhile are kept up to a bound; past it Redis is asked for them. */
  shed(own: OwnRoom): void {
    if (own.stale.size <= own.connections.size + spareStale) return;
    own.isSuspect = true;
    own.stale.clear();
  }

  /** What this node leaves in the room with its next writing: like no other one it has left. */
  nextStamp({ subscribers }: OwnRoom): string {
    return subscribers === 0 ? "" : `${subscribers}:${++this.revision}`;
  }

  private count(own: OwnRoom, user: string, change: 1 | -1): void {
    const connections = (own.connections.get(user) ?? 0) + change;
    if (connections > 0) own.connections.set(user, connections);
    else own.connections.delete(user);
    own.stale.add(user);
  }
}
