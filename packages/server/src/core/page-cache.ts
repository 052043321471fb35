import type { Run } from "./run.js";
import type { Encoding, ReadableRoom } from "./subscription.js";

/** A run of a room, with its bytes in each encoding that somebody wanted: of its messages, and with changes of messages. */
export class Page {
  private readonly encoded = new Map<Encoding, Uint8Array>();
  private readonly encodedWithChanges = new Map<Encoding, Uint8Array>();

  constructor(
    readonly room: ReadableRoom,
    /** The offset that the run follows. */
    readonly after: number,
    readonly run: Run,
    /** It ends where a page ends, and not because there was nothing more yet. */
    readonly isFull: boolean,
  ) {}

  /** The offset of the last entry; `after` when there is none. */
  get last(): number {
    return this.after + this.run.count;
  }

  /** None if the page has nothing that is wanted. */
  bytesIn(encoding: Encoding, wantsChanges = false): Uint8Array {
    const { room, run } = this;
    const wanted = wantsChanges ? run : run.messages;
    // Mostly there are no changes, and the bytes are the same for all.
    const encoded = wanted === run ? this.encodedWithChanges : this.encoded;
    const known = encoded.get(encoding);
    if (known) return known;
    const bytes = wanted.count === 0 ? nothing : encoding.encode(room.id, room.epoch, wanted);
    encoded.set(encoding, bytes);
    return bytes;
  }
}

const nothing = new Uint8Array(0);

/** Pages kept at a time, over all rooms: with a page of 128 KiB, and once more in each encoding in use, a few megabytes. */
const maxPages = 32;

/**
 * The pages that readers were given last. Those who come back together mostly come back from the same place, since one
 * event sent all of them away, and then a page is read and encoded once for all. Dropped when nobody catches up any more.
 */
export class PageCache {
  private pages: Page[] = [];

  /** The page after an offset. One that ended with the log is of use only while nothing has come since. */
  find(room: ReadableRoom, after: number): Page | undefined {
    return this.pages.find(
      (page) => page.after === after && page.room === room && (page.isFull || page.last >= room.top),
    );
  }

  add(page: Page): void {
    this.pages = this.pages.filter(({ after, room }) => after !== page.after || room !== page.room);
    if (this.pages.length >= maxPages) this.pages.shift();
    this.pages.push(page);
  }

  /** Drop the pages of a room. */
  forget(room: ReadableRoom): void {
    if (this.pages.some((page) => page.room === room)) this.pages = this.pages.filter((page) => page.room !== room);
  }

  clear(): void {
    this.pages = [];
  }
}
