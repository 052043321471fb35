import { FairQueue } from "../work/index.js";
import type { RoomId } from "./room-id.js";

interface Waiting {
  readonly room: RoomId;
  readonly caller: object;
  readonly start: () => void;
}

/** Work on whole rooms: a little of it at a time, one in a room, and callers take turns. */
export class RoomTurns {
  private readonly waiting = new FairQueue<Waiting>();
  /** The rooms in which something is under way. */
  private readonly running = new Set<RoomId>();

  constructor(private readonly maxAtOnce: number) {}

  /** How many wait. */
  get size(): number {
    return this.waiting.size;
  }

  /** How many of a caller's wait. */
  sizeOf(caller: object): number {
    return this.waiting.sizeOf(caller);
  }

  /** Run it when it is its turn. */
  async run<T>(room: RoomId, caller: object, run: () => Promise<T>): Promise<T> {
    await new Promise<void>((start) => {
      this.waiting.push(caller, { room, caller, start });
      this.startSome();
    });
    try {
      return await run();
    } finally {
      this.running.delete(room);
      this.startSome();
    }
  }

  private startSome(): void {
    for (let left = this.waiting.size; left > 0 && this.running.size < this.maxAtOnce; left--) {
      const next = this.waiting.shift();
      if (!next) return;
      if (this.running.has(next.room)) this.waiting.push(next.caller, next);
      else {
        this.running.add(next.room);
        next.start();
      }
    }
  }
}
