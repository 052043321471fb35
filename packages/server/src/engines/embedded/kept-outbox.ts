import { formatPosition, type Position, parsePosition } from "@confab/contract";
import type { Outbox, OutboxListener, RoomId, RoomSummary } from "../../core/index.js";
import type { Store } from "./store.js";

export interface KeptOutboxDeps {
  readonly store: Pick<Store, "meta">;
  /** Run it in the next commit. Resolves once that is durable. */
  readonly write: (run: () => void) => Promise<void>;
  /** Rooms by name after one. */
  readonly list: (after: string, limit: number) => readonly RoomSummary[];
}

/** How long a confirmation may wait for others to be stored with, in milliseconds. */
const storeDelayMs = 200;

/** Rooms compared in one turn of the event loop. */
const roomsPerTurn = 256;

/** The cursors of one receiver in the data folder. The process that owns the folder delivers. */
export class KeptOutbox implements Outbox {
  /** What is confirmed and not stored yet; undefined: the room has gone, and its cursor with it. */
  private readonly unstored = new Map<RoomId, Position | undefined>();
  private listener: OutboxListener | undefined;
  private timer: NodeJS.Timeout | undefined;
  private storing: Promise<void> | undefined;
  private isScanning = false;
  private isClosed = false;

  constructor(
    /** Of the receiver. */
    private readonly name: string,
    private readonly deps: KeptOutboxDeps,
  ) {}

  follow(listener: OutboxListener): void {
    this.listener = listener;
    this.scan();
  }

  scan(): void {
    if (this.isScanning) return;
    this.isScanning = true;
    setImmediate(() => this.scanSome(""));
  }

  cursor(room: RoomId): Position | undefined {
    if (this.unstored.has(room)) return this.unstored.get(room);
    const stored = this.deps.store.meta.get(this.keyOf(room));
    return stored && parsePosition(stored.toString());
  }

  confirm(room: RoomId, position: Position): void {
    this.unstored.set(room, position);
    this.storeSoon();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.storing;
    await this.store();
  }

  /** Entries of a room have become durable. */
  appended(room: RoomId): void {
    this.listener?.undelivered(room);
  }

  /** A room has gone away. */
  removed(room: RoomId): void {
    this.unstored.set(room, undefined);
    this.storeSoon();
  }

  private scanSome(after: string): void {
    if (this.isClosed) return;
    const rooms = this.deps.list(after, roomsPerTurn);
    for (const { room, epoch, newest } of rooms) {
      const cursor = this.cursor(room);
      if (cursor?.epoch !== epoch || cursor.offset < newest) this.listener?.undelivered(room);
    }
    const last = rooms.at(-1);
    if (rooms.length === roomsPerTurn && last) setImmediate(() => this.scanSome(last.room));
    else this.isScanning = false;
  }

  private storeSoon(): void {
    if (this.timer !== undefined || this.isClosed) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.storing = this.store();
    }, storeDelayMs).unref();
  }

  /** Never rejects: what the disk does not take now is stored with the next confirmation, or delivered again. */
  private async store(): Promise<void> {
    if (this.unstored.size === 0) return;
    const { store, write } = this.deps;
    const writing = new Map(this.unstored);
    try {
      await write(() => {
        for (const [room, position] of writing) {
          if (position) void store.meta.put(this.keyOf(room), Buffer.from(formatPosition(position)));
          else void store.meta.remove(this.keyOf(room));
        }
      });
    } catch {
      return;
    }
    for (const [room, position] of writing) if (this.unstored.get(room) === position) this.unstored.delete(room);
  }

  private keyOf(room: RoomId): Buffer {
    return Buffer.from(`stored ${this.name} ${room}`);
  }
}
