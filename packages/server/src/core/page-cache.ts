import type { BodyFilter } from "@confab/contract";
import type { Run } from "./run.js";
import type { Encoding, ReadableRoom, Subscription } from "./subscription.js";

/** A run of a room, with its bytes in each encoding that somebody wanted: of its messages, and with changes of messages. */
export class Page {
  private readonly encoded = new Map<Encoding, Uint8Array>();
  private readonly encodedWithChanges = new Map<Encoding, Uint8Array>();
  /** By the filter object, which readers of the room with the same filter share. */
  private filtered: Map<BodyFilter, FilteredPage> | undefined;

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
  bytesIn(encoding: Encoding, { wantsChanges, filter }: PageReader = {}): Uint8Array {
    const { run } = this;
    if (filter) {
      const { passing, encoded } = this.filteredBy(filter);
      return this.encodedIn(encoded, encoding, passing);
    }
    const wanted = wantsChanges ? run : run.messages;
    // Mostly there are no changes, and the bytes are the same for all.
    const encoded = wanted === run ? this.encodedWithChanges : this.encoded;
    return this.encodedIn(encoded, encoding, wanted);
  }

  /** The offset of its last message that passes; undefined: none does. */
  lastPassing(filter: BodyFilter): number | undefined {
    const { passing } = this.filteredBy(filter);
    return passing.count > 0 ? passing.last : undefined;
  }

  private filteredBy(filter: BodyFilter): FilteredPage {
    this.filtered ??= new Map();
    const known = this.filtered.get(filter);
    if (known) return known;
    const filtered = { passing: this.run.passing(filter), encoded: new Map() };
    // The reader of the one that goes has it already, and is mostly alone.
    const [oldest] = this.filtered.keys();
    if (oldest && this.filtered.size >= maxFiltersPerPage) this.filtered.delete(oldest);
    this.filtered.set(filter, filtered);
    return filtered;
  }

  private encodedIn(encoded: Map<Encoding, Uint8Array>, encoding: Encoding, wanted: Run): Uint8Array {
    const { room } = this;
    const known = encoded.get(encoding);
    if (known) return known;
    const bytes = wanted.count === 0 ? nothing : encoding.encode(room.id, room.epoch, wanted);
    encoded.set(encoding, bytes);
    return bytes;
  }
}

/** Filters that a page keeps the bytes for. */
const maxFiltersPerPage = 4;

/** Which of its messages a reader wants. */
export type PageReader = Partial<Pick<Subscription, "wantsChanges" | "filter">>;

/** Its messages that pass a filter. */
interface FilteredPage {
  readonly passing: Run;
  readonly encoded: Map<Encoding, Uint8Array>;
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
