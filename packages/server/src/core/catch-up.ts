import { ConfabError, confabErrorFrom } from "@confab/contract";
import { cost, FairQueue } from "../work/index.js";
import { BackOff } from "./back-off.js";
import { spendFiltered } from "./filter-groups.js";
import { withoutOrphans } from "./orphans.js";
import { Page, PageCache } from "./page-cache.js";
import type { LogPage, RoomLog, Turns } from "./ports.js";
import { outOfRange } from "./range.js";
import type { ReadableRoom, Sink, Subscription } from "./subscription.js";

/**
 * The entries of one page. Pages end at multiples of it: readers who come from different places meet at the first such
 * end, and share what follows.
 */
const pageEntries = 256;

/** Small enough that live readers do not wait for it, large enough that the read pays. */
const pageBytes = 131_072;

/**
 * Bytes given to readers before the event loop gets a turn, so that a thousand of them who come back cannot keep it from the
 * live ones. A message takes several turns from its arrival to its delivery, and waits in each of them.
 */
const bytesPerTurn = 65_536;

/** Steps in one turn: those that give nothing cost something too. */
const stepsPerTurn = 64;

/** Pages that a log which answers later is asked for at a time. */
const maxReads = 16;

/**
 * Brings subscriptions from their cursor to the room's top, a page at a time and in turn, so that all of them advance: a
 * page for one of each connection, however many a connection has.
 *
 * There is no hole between the log and live: the step that finds the cursor at the top puts the subscription into the
 * fan-out in the same synchronous step, and the top moves only with a delivery.
 */
export class CatchUp {
  private readonly waiting = new FairQueue<Subscription>();
  private readonly pages = new PageCache();
  /** Those who wait for a page that is being read for another. */
  private readonly reads: Read[] = [];
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
    this.waiting.push(subscription.sink.share, subscription);
    this.schedule();
  }

  /** Messages of the room may have other bodies in the log by now. */
  forget(room: ReadableRoom): void {
    this.pages.forget(room);
    for (const read of this.reads) if (read.room === room) read.isStale = true;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.turns.afterTurn(() => this.run());
  }

  private run(): void {
    this.isScheduled = false;
    // Who joins during this turn is served in the next one.
    let steps = Math.min(this.waiting.size, stepsPerTurn);
    for (let bytes = 0; steps > 0 && bytes < bytesPerTurn && this.reads.length < maxReads; steps--) {
      const subscription = this.waiting.shift();
      if (subscription) bytes += this.step(subscription);
    }
    if (this.waiting.size > 0) {
      // A read that ends goes on with those who wait for a free one.
      if (this.reads.length < maxReads) this.schedule();
    } else if (this.reads.length === 0) this.pages.clear();
  }

  /** One page for one subscription; the bytes it was given. Never throws: what goes wrong for good ends that subscription. */
  private step(subscription: Subscription): number {
    const { room, cursor } = subscription;
    if (subscription.state !== "catching-up") return 0;
    try {
      if (cursor === room.top) {
        room.goLive(subscription);
        return 0;
      }
      // A reader may know of a message that is durable but not yet delivered here. It waits for the fan-out, however long that
      // takes: the bus may have lost the message, and then the next one tells, or the check of idle rooms.
      if (cursor > room.top) {
        room.awaitTop(subscription);
        return 0;
      }
      const page = this.pages.find(room, cursor) ?? this.pageFromTail(room, cursor) ?? this.pageFromLog(subscription);
      return page ? this.give(subscription, page) : 0;
    } catch (thrown) {
      this.fail(subscription, thrown);
      return 0;
    }
  }

  /** Give a page, and find out where that brings the reader; the bytes given. */
  private give(subscription: Subscription, page: Page): number {
    const { room, sink } = subscription;
    // The bus told of entries that the log does not show yet, as a log that is copied from another one may lag behind.
    if (page.run.count === 0) {
      this.backOff.add(subscription);
      return 0;
    }
    subscription.cursor = page.last;
    const bytes = page.bytesIn(sink.encoding, subscription);
    // To pass over a page takes its time, too.
    const isLookedThrough = subscription.filter !== undefined || bytes.length === 0;
    const stepBytes = isLookedThrough ? Math.max(bytes.length, page.run.bodyBytes) : bytes.length;
    if (subscription.filter) {
      spendFiltered(sink.share, page.run);
      subscription.quietFrom = (page.lastPassing(subscription.filter) ?? subscription.quietFrom - 1) + 1;
    }
    sink.share.spend((stepBytes * cost.copiedKib) / 1_024);
    const hasRoom = bytes.length > 0 ? sink.write(bytes) : passed(sink);
    // The write itself may have ended the subscription; closed is for good.
    if (subscription.state !== "catching-up") return stepBytes;
    if (!hasRoom) subscription.state = "lagging";
    // In a busy room the top moves every turn: a reader that waited for another step here would never go live.
    else if (subscription.cursor === room.top) room.goLive(subscription);
    else this.add(subscription);
    return stepBytes;
  }

  private pageFromTail(room: ReadableRoom, cursor: number): Page | undefined {
    const run = room.tail.after(cursor, pageEntries);
    return run && this.keep(new Page(room, cursor, run, run.count === pageEntries));
  }

  /** Undefined: the log answers later, and the subscription goes on then. */
  private pageFromLog(subscription: Subscription): Page | undefined {
    const { room, cursor } = subscription;
    const underWay = this.reads.find((read) => read.room === room && read.after === cursor);
    if (underWay) {
      underWay.others.push(subscription);
      return undefined;
    }
    const maxEntries = pageEntries - (cursor % pageEntries);
    const answer = this.log.readForward(room.id, cursor, { maxEntries, maxBytes: pageBytes });
    if (!(answer instanceof Promise)) return this.pageFrom(room, cursor, maxEntries, answer);
    const read: Read = { room, after: cursor, others: [], isStale: false };
    this.reads.push(read);
    answer
      .then((page) => this.pageFrom(room, cursor, maxEntries, page))
      .then(
        (page) => {
          this.endRead(read);
          // It was asked for before: its reader may have it, later ones may not.
          if (read.isStale) this.pages.forget(room);
          this.giveLate(subscription, page);
          // Not at once like the one it was read for: they may be many.
          for (const other of read.others) this.add(other);
        },
        (thrown: unknown) => {
          this.endRead(read);
          for (const reader of [subscription, ...read.others]) this.fail(reader, thrown);
        },
      );
    return undefined;
  }

  /** Its own page at once, or it might never get one: by its next turn others' may have driven it out of the cache. */
  private giveLate(subscription: Subscription, page: Page): void {
    // The reader may have left during the read.
    if (subscription.state !== "catching-up") return;
    try {
      this.give(subscription, page);
    } catch (thrown) {
      this.fail(subscription, thrown);
    }
  }

  private endRead(read: Read): void {
    this.reads.splice(this.reads.indexOf(read), 1);
    this.schedule();
  }

  /** @throws OUT_OF_RANGE: what follows was trimmed. ENGINE_UNAVAILABLE: the log is another one. */
  private pageFrom(room: ReadableRoom, after: number, maxEntries: number, found: LogPage): Page {
    const { epoch, oldest, newest } = found;
    if (epoch !== room.epoch) {
      // All its readers are told once it has been compared with the log; until then this one waits.
      room.interrupted();
      throw new ConfabError("ENGINE_UNAVAILABLE", "the log was replaced");
    }
    if (oldest > after + 1) throw outOfRange(room.id, found, "the log was trimmed past this reader");
    const run = withoutOrphans(found.run, oldest);
    if (run.count === 0) return new Page(room, after, run, false);
    if (run.first !== after + 1) throw new ConfabError("INTERNAL", "the log has a hole");
    this.backOff.reset();
    return this.keep(new Page(room, after, run, run.count === maxEntries || run.last < newest));
  }

  private keep(page: Page): Page {
    this.pages.add(page);
    return page;
  }

  private fail(subscription: Subscription, thrown: unknown): void {
    if (subscription.state !== "catching-up") return;
    const error = confabErrorFrom(thrown);
    // A log that is away for a while costs its readers a wait and not their connection.
    if (logIsAway(error)) this.backOff.add(subscription);
    else subscription.room.expel(subscription, error);
  }
}

/** Nothing of a page was for this reader. */
function passed(sink: Sink): true {
  sink.passed?.();
  return true;
}

/** A page that is being read for one reader, and wanted by others. */
interface Read {
  readonly room: ReadableRoom;
  readonly after: number;
  readonly others: Subscription[];
  /** Something of the room was erased since it began. */
  isStale: boolean;
}

function logIsAway({ code }: ConfabError): boolean {
  return code === "ENGINE_UNAVAILABLE" || code === "OVERLOADED";
}
