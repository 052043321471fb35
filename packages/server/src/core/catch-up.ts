import { ConfabError, confabErrorFrom } from "@confab/contract";
import { BackOff } from "./back-off.js";
import type { LogEntry, PageBounds, RoomLog, Turns } from "./ports.js";
import { outOfRange } from "./range.js";
import type { Subscription } from "./subscription.js";

/** One read for one reader. Small enough that live readers do not wait for it, large enough that the read pays. */
const pageBounds: PageBounds = { maxEntries: 256, maxBytes: 131_072 };

/** Pages served before the event loop gets a turn, so that a thousand returning readers cannot keep it from the live ones. */
const pagesPerTurn = 8;

/**
 * Brings subscriptions from their cursor to the room's top, a page at a time and in turn, so that all of them advance.
 *
 * There is no hole between the log and live: the step that finds the cursor at the top puts the subscription into the
 * fan-out in the same synchronous step, and the top moves only with a delivery.
 */
export class CatchUp {
  private readonly waiting: Subscription[] = [];
  private readonly backOff: BackOff<Subscription>;
  private isScheduled = false;

  constructor(
    private readonly log: RoomLog,
    private readonly turns: Turns,
  ) {
    this.backOff = new BackOff(turns, (waited) => {
      for (const subscription of waited) this.add(subscription);
    });
  }

  add(subscription: Subscription): void {
    this.waiting.push(subscription);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.turns.afterTurn(() => this.run());
  }

  private run(): void {
    this.isScheduled = false;
    const served = this.waiting.splice(0, pagesPerTurn);
    for (const subscription of served) void this.step(subscription);
    if (this.waiting.length > 0) this.schedule();
  }

  /** One page for one subscription. Never rejects: what goes wrong for good ends that subscription. */
  private async step(subscription: Subscription): Promise<void> {
    const { room } = subscription;
    try {
      if (subscription.state !== "catching-up") return;
      if (subscription.cursor === room.top) {
        room.goLive(subscription);
        return;
      }
      // A reader may know of a message that is durable but not yet delivered here. It waits for the fan-out, however long that
      // takes: the bus may have lost the message, and then the next one tells, or the check of idle rooms.
      if (subscription.cursor > room.top) {
        room.awaitTop(subscription);
        return;
      }
      const entries = room.tail.after(subscription.cursor, pageBounds.maxEntries) ?? (await this.readLog(subscription));
      // The reader may have left during the read.
      if (subscription.state !== "catching-up") return;
      const last = entries.at(-1);
      // The bus told of entries that the log does not show yet, as a log that is copied from another one may lag behind.
      if (!last) {
        this.backOff.add(subscription);
        return;
      }
      if (!this.give(subscription, entries, last.offset)) return;
      // In a busy room the top moves every turn: a reader that waited for another step here would never go live.
      if (subscription.cursor === room.top) room.goLive(subscription);
      else this.add(subscription);
    } catch (thrown) {
      const error = confabErrorFrom(thrown);
      // A log that is away for a while costs its readers a wait and not their connection.
      if (logIsAway(error)) this.backOff.add(subscription);
      else room.expel(subscription, error);
    }
  }

  /** False if the reader cannot go on now: its socket is full, or turned out to be dead. */
  private give(subscription: Subscription, entries: readonly LogEntry[], lastOffset: number): boolean {
    const { room, sink } = subscription;
    subscription.cursor = lastOffset;
    const hasRoom = sink.write(sink.encoding.encode(room.id, room.epoch, entries));
    // The write itself may have ended the subscription; closed is for good.
    if (subscription.state !== "catching-up") return false;
    if (!hasRoom) subscription.state = "lagging";
    return hasRoom;
  }

  private async readLog({ room, cursor }: Subscription): Promise<readonly LogEntry[]> {
    const page = await this.log.readForward(room.id, cursor, pageBounds);
    if (page.epoch !== room.epoch || page.oldest > cursor + 1) {
      throw outOfRange(room.id, page, "the log was trimmed past this reader");
    }
    if (page.entries.length > 0 && page.entries[0]?.offset !== cursor + 1) {
      throw new ConfabError("INTERNAL", "the log has a hole");
    }
    if (page.entries.length > 0) this.backOff.reset();
    return page.entries;
  }
}

function logIsAway({ code }: ConfabError): boolean {
  return code === "ENGINE_UNAVAILABLE" || code === "OVERLOADED";
}
