import type { RoomId } from "../../core/index.js";
import type { AgeClock } from "./age-clock.js";
import type { RoomIndex } from "./room-index.js";

/** How often rooms are looked at for messages past their age, in milliseconds, and how many each time. */
const intervalMs = 1_000;
const roomsPerSweep = 256;

/** Drops messages that have passed their age in rooms in which nobody speaks any more, a few rooms at a time. */
export class AgeSweep {
  private readonly timer: NodeJS.Timeout;
  private sweptTo = "";
  private isRunning = false;

  constructor(
    private readonly index: RoomIndex,
    private readonly clock: AgeClock,
    private readonly sweep: (room: RoomId) => Promise<void>,
  ) {
    this.timer = setInterval(() => void this.run(), intervalMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      await this.clock.keep();
      const rooms = await this.index.page("", this.sweptTo, roomsPerSweep);
      this.sweptTo = rooms.length === roomsPerSweep ? (rooms.at(-1) ?? "") : "";
      await Promise.all(rooms.map((room) => this.sweep(room)));
    } catch {
      // Redis is away; the rooms are looked at when it is back.
    } finally {
      this.isRunning = false;
    }
  }
}
