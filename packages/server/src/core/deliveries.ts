import { ConfabError } from "@confab/contract";
import { offsetHere } from "./lineage.js";
import { withoutOrphans } from "./orphans.js";
import type { ReadableLog, Turns } from "./ports.js";
import type { Outbox } from "./record-ports.js";
import type { RoomId } from "./room-id.js";
import type { PageBounds, Run } from "./run.js";

export interface DeliveriesDeps {
  readonly log: ReadableLog;
  readonly outbox: Outbox;
  readonly turns: Turns;
  /** Give the receiver messages of a room, which follow each other. Resolves once it has them. @throws anything: it does not. */
  readonly deliver: (room: RoomId, epoch: number, run: Run) => Promise<void>;
  /** How many rooms are worth delivering at a time now. 0: the receiver is not worth asking. 1: it is found out whether it is. */
  readonly roomsAtATime: () => number;
  /** A room cannot be delivered beyond a place, since its log is damaged there. Called once, until the room can be delivered. */
  readonly damaged: (room: RoomId, error: ConfabError) => void;
}

/** Rooms that wait by name. Past it all rooms are compared again later. */
const maxWaitingRooms = 100_000;

const batch: PageBounds = { maxEntries: 100, maxBytes: 262_144 };

/** Rooms that failed last and are known by name. Past it all rooms wait for a while when one more fails, and are compared again. */
const maxFailedRooms = 100_000;

/** How long a room waits after it could not be delivered, in milliseconds: at first, and at the most. */
const firstPauseMs = 100;
const maxPauseMs = 30_000;

/** How long all rooms wait while the receiver is not worth asking, or too many have failed, in milliseconds. */
const allPauseMs = 1_000;

/** A room that failed last. */
interface FailedRoom {
  readonly pauseMs: number;
  /** Its pause is not over. */
  isPausing: boolean;
}

/**
 * Brings what the log has to a receiver outside: of each room in order, and again until it is confirmed. What is in the log
 * beyond the room's cursor is what is not delivered, so nothing that was stored can be forgotten.
 *
 *     undelivered ─► waiting ─► working: read a batch, deliver it, confirm it ─► waiting, if there is more
 *                       ▲                          │ it fails
 *                       └───────── a pause ◄───────┘
 */
export class Deliveries {
  /** In the order in which they are delivered. */
  private readonly waiting = new Set<RoomId>();
  /** Rooms that are being delivered, and whether there may be more by now that this node may deliver. */
  private readonly working = new Map<RoomId, { isAgain: boolean }>();
  private readonly failed = new Map<RoomId, FailedRoom>();
  private mustScan = false;
  private isPaused = false;
  private isStopped = false;
  /** One more each time that another node may have begun to deliver. */
  private term = 0;
  private onIdle: () => void = () => undefined;

  constructor(private readonly deps: DeliveriesDeps) {}

  start(): void {
    this.deps.outbox.follow({ undelivered: (room) => this.undelivered(room), ended: () => this.ended() });
  }

  /** Resolves once nothing is being delivered, and what was is stored. */
  async close(): Promise<void> {
    this.isStopped = true;
    this.waiting.clear();
    if (this.working.size > 0)
      await new Promise<void>((resolve) => {
        this.onIdle = resolve;
      });
    await this.deps.outbox.close();
  }

  private undelivered(room: RoomId): void {
    const working = this.working.get(room);
    if (working) working.isAgain = true;
    // One that pauses comes by itself.
    else if (!this.failed.get(room)?.isPausing) this.wait(room);
  }

  private wait(room: RoomId): void {
    if (this.isStopped) return;
    if (this.waiting.size < maxWaitingRooms) this.waiting.add(room);
    else this.mustScan = true;
    this.begin();
  }

  private ended(): void {
    this.term++;
    this.waiting.clear();
    // The pauses that are not over have no room then.
    this.failed.clear();
    for (const working of this.working.values()) working.isAgain = false;
    this.mustScan = false;
  }

  private begin(): void {
    if (this.isPaused || this.isStopped) return;
    for (const room of this.waiting) {
      const atATime = this.deps.roomsAtATime();
      if (atATime === 0) {
        this.pause();
        return;
      }
      if (this.working.size >= atATime) break;
      this.waiting.delete(room);
      void this.work(room);
    }
    if (this.mustScan && this.waiting.size === 0) {
      this.mustScan = false;
      this.deps.outbox.scan();
    }
  }

  private pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.deps.turns.afterMs(allPauseMs, () => {
      this.isPaused = false;
      this.begin();
    });
  }

  /** Never rejects. */
  private async work(room: RoomId): Promise<void> {
    const state = { isAgain: false };
    this.working.set(room, state);
    const { term } = this;
    try {
      const hasMore = await this.deliverSome(room, term);
      this.working.delete(room);
      if (state.isAgain || (hasMore && term === this.term)) this.wait(room);
    } catch (thrown) {
      // The hook's circuit logs a receiver that fails, and the engine a log that is away.
      if (thrown instanceof ConfabError && thrown.code === "DATA_LOSS" && !this.failed.has(room))
        this.deps.damaged(room, thrown);
      this.working.delete(room);
      if (term === this.term) this.pauseRoom(room);
      else if (state.isAgain) this.wait(room);
    }
    if (this.working.size === 0) this.onIdle();
    this.begin();
  }

  /** Whether there is more. */
  private async deliverSome(room: RoomId, term: number): Promise<boolean> {
    const { log, outbox, deliver, roomsAtATime } = this.deps;
    const cursor = await outbox.cursor(room);
    let page = await log.readForward(room, cursor?.offset ?? 0, batch);
    // The cursor is of a log from before a restore: everything in the log may be new to the receiver.
    if (cursor && offsetHere(cursor, page) === undefined) page = await log.readForward(room, 0, batch);
    const { epoch, newest } = page;
    const run = withoutOrphans(page.run, page.oldest);
    if (run.count === 0) this.failed.delete(room);
    if (run.count === 0 || this.isStopped || term !== this.term) return false;
    // It would fail without having been tried, and pause for what other rooms met.
    if (roomsAtATime() === 0) return true;
    await deliver(room, epoch, run);
    this.failed.delete(room);
    // Another node that delivers by now confirms for itself.
    if (term !== this.term) return false;
    await outbox.confirm(room, { epoch, offset: run.last });
    return run.last < newest;
  }

  private pauseRoom(room: RoomId): void {
    if (this.isStopped) return;
    const before = this.failed.get(room);
    if (!before && this.failed.size >= maxFailedRooms) {
      this.mustScan = true;
      this.pause();
      return;
    }
    const failed = { pauseMs: Math.min(maxPauseMs, before ? 2 * before.pauseMs : firstPauseMs), isPausing: true };
    this.failed.set(room, failed);
    this.deps.turns.afterMs(failed.pauseMs, () => {
      // Another node may deliver by now, and this one again after it.
      if (this.failed.get(room) !== failed) return;
      failed.isPausing = false;
      this.wait(room);
    });
  }
}
