import type { RoomId } from "./room-id.js";

/** Is called with a room. Returns at once, and never throws. */
export type RoomFound = (room: RoomId) => void;

/** Those who want to know which rooms come into being, by the beginning of the rooms' names. Engines keep them here. */
export class RoomWatchers {
  private readonly byPrefix = new Map<string, Set<RoomFound>>();
  private longestPrefix = 0;

  /** Without those that are given up. */
  get prefixes(): readonly string[] {
    return [...this.byPrefix.keys()];
  }

  /** The result ends it, and may be called twice. */
  add(prefix: string, found: RoomFound): () => void {
    // Its own, so that a function that is given twice is two watchers.
    const watcher: RoomFound = (room) => found(room);
    const watching = this.byPrefix.get(prefix) ?? new Set();
    this.byPrefix.set(prefix, watching.add(watcher));
    this.longestPrefix = Math.max(this.longestPrefix, prefix.length);
    return () => {
      watching.delete(watcher);
      if (watching.size === 0 && this.byPrefix.get(prefix) === watching) this.byPrefix.delete(prefix);
    };
  }

  /** The cost grows with the length of the name, and not with the number of prefixes. */
  tell(room: RoomId): void {
    if (this.byPrefix.size === 0) return;
    for (let length = 0; length <= Math.min(room.length, this.longestPrefix); length++)
      for (const found of this.byPrefix.get(room.slice(0, length)) ?? []) found(room);
  }
}
