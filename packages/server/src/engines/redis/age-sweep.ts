import type { RoomId, RoomRetention } from "../../core/index.js";
import type { AgeClock } from "./age-clock.js";
import type { RoomIndex } from "./room-index.js";

/** Rooms that are looked at each time. */
const roomsPerSweep = 256;

export interface AgeSweepDeps {
  readonly index: RoomIndex;
  readonly clock: AgeClock;
  readonly retention: RoomRetention;
  /** How often rooms are looked at, in milliseconds. */
  readonly intervalMs: number;
  /** Resolves to whether nothing of the room is within its age. */
  readonly trim: (room: RoomId) => Promise<boolean>;
  /** Remove such a room, unless something else keeps it. */
  readonly remove: (room: RoomId) => Promise<void>;
}

/**
 * Drops messages that have passed their age in rooms in which nobody speaks any more, and then the rooms, a few rooms at a
 * time. Rooms that have their own bounds are trimmed to all of these, so that what is beyond a new one goes.
 */
export class AgeSweep {
  private readonly timer: NodeJS.Timeout;
  private sweptTo = "";
  private boundedTo = "";
  private isRunning = false;

  constructor(private readonly deps: AgeSweepDeps) {
    this.timer = setInterval(() => void this.run(), deps.intervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    const { index, clock, retention } = this.deps;
    try {
      await clock.keep();
      const bounded = await index.boundedPage(this.boundedTo, roomsPerSweep);
      this.boundedTo = bounded.length === roomsPerSweep ? (bounded.at(-1) ?? "") : "";
      const rooms = retention.hasAges ? await index.page("", this.sweptTo, roomsPerSweep) : [];
      this.sweptTo = rooms.length === roomsPerSweep ? (rooms.at(-1) ?? "") : "";
      const aging = rooms.filter((room) => retention.of(room).maxAgeMs !== undefined);
      // A room that is refused, as one of a later format, does not keep the others.
      await Promise.allSettled([...new Set([...aging, ...bounded])].map((room) => this.sweep(room)));
    } catch {
      // Redis is away; the rooms are looked at when it is back.
    } finally {
      this.isRunning = false;
    }
  }

  private async sweep(room: RoomId): Promise<void> {
    if (await this.deps.trim(room)) await this.deps.remove(room);
  }
}
