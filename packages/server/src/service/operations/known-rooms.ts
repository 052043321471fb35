import type { RoomId } from "../../core/index.js";

/** Rooms of one generation. */
const maxRooms = 50_000;

/** How long a generation is, in milliseconds. A room with messages younger than that does not go away with most retentions. */
const generationMs = 30_000;

/**
 * Rooms that certainly existed a moment ago, as messages were written to them. One is forgotten between one and two generations after
 * it was last asked for, so that a room that has gone away is not known for long.
 */
export class KnownRooms {
  private young = new Set<RoomId>();
  private old = new Set<RoomId>();
  private sinceMs: number;

  constructor(private readonly nowMs: () => number) {
    this.sinceMs = nowMs();
  }

  /** Whether a room that is about to be written to exists. */
  has(room: RoomId): boolean {
    this.age();
    if (this.young.has(room)) return true;
    if (!this.old.has(room)) return false;
    this.add(room);
    return true;
  }

  add(room: RoomId): void {
    if (this.young.size >= maxRooms) this.nextGeneration();
    this.young.add(room);
  }

  private age(): void {
    const passedMs = this.nowMs() - this.sinceMs;
    if (passedMs < generationMs) return;
    this.nextGeneration();
    if (passedMs >= 2 * generationMs) this.nextGeneration();
  }

  private nextGeneration(): void {
    this.old = this.young;
    this.young = new Set();
    this.sinceMs = this.nowMs();
  }
}
