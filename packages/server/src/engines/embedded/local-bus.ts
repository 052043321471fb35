import {
  type PresenceChange,
  type RoomBus,
  type RoomFound,
  type RoomId,
  type RoomListener,
  RoomWatchers,
  type Run,
  type Signal,
} from "../../core/index.js";

/** The bus of a single node: what is appended here is heard here. */
export class LocalBus implements RoomBus {
  private readonly listeners = new Map<RoomId, Set<RoomListener>>();
  private readonly roomWatchers = new RoomWatchers();

  watch(room: RoomId, listener: RoomListener): () => void {
    const watching = this.listeners.get(room);
    if (watching) watching.add(listener);
    else this.listeners.set(room, new Set([listener]));
    return () => {
      const left = this.listeners.get(room);
      left?.delete(listener);
      if (left?.size === 0) this.listeners.delete(room);
    };
  }

  signal(signal: Signal): void {
    for (const listener of this.listeners.get(signal.room) ?? []) listener.signal(signal);
  }

  watchRooms(prefix: string, found: RoomFound): () => void {
    return this.roomWatchers.add(prefix, found);
  }

  /** A room has its first message. */
  made(room: RoomId): void {
    this.roomWatchers.tell(room);
  }

  presence(change: PresenceChange, members: number): void {
    for (const listener of this.listeners.get(change.room) ?? []) listener.presence([change], members);
  }

  /** The log of a room is another one: its listeners compare it with what they know. */
  replaced(room: RoomId): void {
    for (const listener of this.listeners.get(room) ?? []) listener.interrupted();
  }

  /** Messages of a room were erased. */
  erased(room: RoomId): void {
    for (const listener of this.listeners.get(room) ?? []) listener.erased();
  }

  /** Whether anything listens to a room. */
  isWatched(room: RoomId): boolean {
    return this.listeners.has(room);
  }

  /** Something of any room may have been missed. */
  interrupted(): void {
    for (const room of [...this.listeners.keys()]) this.replaced(room);
  }

  entries(room: RoomId, epoch: number, run: Run): void {
    for (const listener of this.listeners.get(room) ?? []) listener.entries(epoch, run);
  }
}
