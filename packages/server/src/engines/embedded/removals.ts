import { ConfabError } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomTable } from "./room-table.js";

/** Rooms that are removed in one commit. */
const maxRemovedTogether = 16;

/** A room that is to be removed. */
export interface PendingRemoval {
  readonly room: RoomId;
  /** Sends that were pushed before it, and are stored before. */
  readonly sendsBefore: number;
  readonly resolve: (messages: number) => void;
  readonly reject: (error: unknown) => void;
}

/** The removals of rooms that wait for a commit. */
export class Removals {
  private readonly pending: PendingRemoval[] = [];

  constructor(private readonly maxPending: number) {}

  get count(): number {
    return this.pending.length;
  }

  /** Resolves once it is durable, with how many entries the room had. @throws as `RoomLog.remove` does. */
  push(room: RoomId, sendsBefore: number): Promise<number> {
    if (this.pending.length >= this.maxPending) {
      const text = `${this.pending.length} removals of rooms wait for the disk; maxPendingSends is ${this.maxPending}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => this.pending.push({ room, sendsBefore, resolve, reject }));
  }

  /** Those of the next commit: all sends before them were taken. */
  take(sendsTaken: number): readonly PendingRemoval[] {
    const waiting = this.pending.findIndex(({ sendsBefore }) => sendsBefore > sendsTaken);
    return this.pending.splice(0, Math.min(waiting < 0 ? this.pending.length : waiting, maxRemovedTogether));
  }
}

/** What goes with them: each existing room, once. */
export function recordsOf(removals: readonly PendingRemoval[], rooms: RoomTable): Map<RoomId, RoomRecord> {
  const records = new Map<RoomId, RoomRecord>();
  for (const { room } of removals) {
    const record = rooms.get(room);
    if (record) records.set(room, record);
  }
  return records;
}
