import type { BodyFilter, Position } from "@confab/contract";
import type { Share } from "../work/index.js";
import { unitsOfFiltered } from "./filter-groups.js";
import { scannedPiece, unitsOfScan } from "./newest-messages.js";
import { withoutOrphans } from "./orphans.js";
import type { LogPage, ReadableLog, RoomState } from "./ports.js";
import { pageEnd, resumableOffset } from "./range.js";
import type { RoomId } from "./room-id.js";
import { type PageBounds, Run } from "./run.js";

export interface HistoryRequest {
  readonly room: RoomId;
  readonly after: Position | undefined;
  /** Excludes `after`. */
  readonly before: Position | undefined;
  readonly limit: number;
  /** Without a cursor: the oldest page instead of the newest. */
  readonly isOldestFirst: boolean;
  /** Changes of messages are entries of the page, too. Otherwise they are passed over. */
  readonly wantsChanges?: boolean | undefined;
  /** Only messages that pass are entries of the page, with `wantsChanges` false; undefined: all. */
  readonly filter?: BodyFilter | undefined;
}

export interface HistoryPage extends LogPage {
  /** More entries follow in the direction that was read. They may all be passed over. */
  readonly hasMore: boolean;
  /** Where a subscription begins that asks for the newest messages, if the request wants to know. */
  readonly start?: number | undefined;
  /** It ends before its time: many entries were to be passed over, and `HistoryBounds.mayScan` is false. */
  readonly isCutShort?: true | undefined;
}

/** What one page may take of the reply that it is for. */
export interface HistoryBounds {
  /** Bytes of the entries in the reply's encoding. One entry always fits, however large. */
  readonly maxBytes: number;
  /** Bytes that each message of a run takes there, in its order. */
  readonly sizesOf: (epoch: number, run: Run) => readonly number[];
  /** Whose turns the reading takes, a piece at a time, and what an entry costs it, and its bytes. */
  readonly share: Pick<Share, "begin" | "spend">;
  readonly unitsPerEntry: number;
  readonly unitsPerKib: number;
  /** False: pass over few entries only. Many may take long. */
  readonly mayScan?: boolean | undefined;
}

/** A page is read from the log in pieces of at most this: each is one step of its connection's work. */
const piece: PageBounds = { maxEntries: 50, maxBytes: 32_768 };

/** How many entries a page passes over that may not scan. */
const maxPassed = 512;

/** The part of a piece that its page wants, below which the next one is looked through and not read for a reply. */
const fewWanted = 0.1;

/** What an entry is expected to have, in bytes, until it is read. */
const expectedEntryBytes = 1_024;

/** Whether a page is read from its cursor to later entries. */
export function readsForward({ after, before, isOldestFirst }: HistoryRequest): boolean {
  return after !== undefined || (isOldestFirst && !before);
}

/**
 * One page of a room's log, oldest first. A page holds fewer entries than `limit` when they are large; `hasMore` tells.
 *
 * @throws OUT_OF_RANGE: the cursor is of another epoch, past the end, or trimmed away.
 */
export async function readHistory(
  log: ReadableLog,
  request: HistoryRequest,
  bounds: HistoryBounds,
): Promise<HistoryPage> {
  const { room, after, before } = request;
  const state = await log.state(room);
  if (readsForward(request)) {
    const cursor = after ? resumableOffset(room, after, state) : state.oldest - 1;
    const page = new PageInProgress(state, 1, request, bounds);
    while (!page.isComplete) {
      const bounds = await page.beginPiece();
      await page.take(await log.readForward(room, page.last ?? cursor, bounds));
    }
    // Between the two reads the room may have been trimmed: a page that begins later would hide it.
    if (after) resumableOffset(room, after, page.startState);
    return page.done();
  }
  const end = before ? pageEnd(room, before, state) : state.newest + 1;
  const page = new PageInProgress(state, -1, request, bounds);
  while (!page.isComplete) {
    const bounds = await page.beginPiece();
    await page.take(await log.readBackward(room, page.last ?? end, bounds));
  }
  return page.done();
}

/** A page that is read piece by piece, away from its cursor: forward (1) or backward (-1). */
class PageInProgress {
  isComplete = false;
  /** The offset of the last entry that was read and is either in the page or passed over. */
  last: number | undefined;
  /** Nearest to the cursor first. */
  private readonly runs: Run[] = [];
  private count = 0;
  private bytes = 0;
  /** Units that were accounted for before the piece was read. */
  private accounted = 0;
  private firstState: RoomState | undefined;
  private hasPassed = false;
  private passed = 0;
  private isCutShort = false;

  constructor(
    private state: RoomState,
    private readonly direction: 1 | -1,
    private readonly request: Pick<HistoryRequest, "limit" | "wantsChanges" | "filter">,
    private readonly bounds: HistoryBounds,
  ) {}

  /** What the log held when the first piece was read. */
  get startState(): RoomState {
    return this.firstState ?? this.state;
  }

  /**
   * Wait for the turn of the next piece; what it may hold. Accounted for as if it were full, at once: many pieces may begin in
   * a turn before the first of them has been read.
   */
  async beginPiece(): Promise<PageBounds> {
    // Where the last piece had few messages for this page, there are many entries to pass over.
    if (this.hasPassed) return this.beginScan();
    const maxEntries = Math.min(piece.maxEntries, this.request.limit - this.count);
    const bytes = Math.min(piece.maxBytes, maxEntries * expectedEntryBytes);
    this.accounted = this.unitsOf(maxEntries, bytes) + this.unitsOfLook(maxEntries);
    await this.bounds.share.begin(this.accounted);
    return { ...piece, maxEntries };
  }

  private async beginScan(): Promise<PageBounds> {
    this.accounted = unitsOfScan(scannedPiece.maxBytes) + this.unitsOfLook(scannedPiece.maxEntries);
    await this.bounds.share.begin(this.accounted);
    return scannedPiece;
  }

  async take(read: LogPage): Promise<void> {
    const { run } = read;
    const { wantsChanges, filter } = this.request;
    const wanted = filter ? run.passing(filter) : wantsChanges ? withoutOrphans(run, read.oldest) : run.messages;
    const isScanned = this.hasPassed;
    const passed = run === wanted ? 0 : unitsOfScan(run.bodyBytes - wanted.bodyBytes);
    const taken = isScanned ? 0 : this.unitsOf(wanted.count, wanted.bodyBytes);
    this.bounds.share.spend(passed + this.unitsOfLook(run.count) + taken - this.accounted);
    this.firstState ??= read;
    const { last, direction } = this;
    const next = direction === 1 ? run.first : run.last;
    // A log that was trimmed or replaced since the last piece has nothing that follows: the page ends there.
    const isCutOff = last !== undefined && (next !== last + direction || read.epoch !== this.state.epoch);
    if (!isCutOff) this.state = read;
    if (isCutOff || run.count === 0) {
      this.isComplete = true;
      return;
    }
    this.hasPassed = wanted.count <= run.count * fewWanted;
    const cutAt = isScanned ? await this.addInTurns(read.epoch, wanted) : this.add(read.epoch, wanted);
    this.last = cutAt ?? (direction === 1 ? run.last : run.first);
    this.isComplete ||= this.count === this.request.limit || !this.hasMore;
    this.passed += run.count - wanted.count;
    this.isCutShort = !this.isComplete && this.bounds.mayScan === false && this.passed > maxPassed;
    this.isComplete ||= this.isCutShort;
  }

  private unitsOf(entries: number, bytes: number): number {
    return entries * this.bounds.unitsPerEntry + (bytes * this.bounds.unitsPerKib) / 1_024;
  }

  private unitsOfLook(entries: number): number {
    return this.request.filter ? unitsOfFiltered(entries) : 0;
  }

  done(): HistoryPage {
    const { epoch, oldest, newest, messages } = this.state;
    const [first, ...rest] = this.direction === 1 ? this.runs : this.runs.reverse();
    const run = first ? Run.joined([first, ...rest]) : new Run(oldest, []);
    // An empty page has nothing after which its reader could ask for the next one.
    const page = { epoch, oldest, newest, messages, run, hasMore: this.count > 0 && this.hasMore };
    return this.isCutShort ? { ...page, isCutShort: true } : page;
  }

  private get hasMore(): boolean {
    const { last, state } = this;
    if (last === undefined) return false;
    return this.direction === 1 ? last < state.newest : last > state.oldest;
  }

  /** A piece that was looked through may have more messages than one step of a page takes. The result is that of `add`. */
  private async addInTurns(epoch: number, run: Run): Promise<number | undefined> {
    if (run.count === 0) return undefined;
    const pieces = run.cut(piece.maxBytes, piece.maxEntries);
    for (const each of this.direction === 1 ? pieces : [...pieces].reverse()) {
      await this.bounds.share.begin(this.unitsOf(each.count, each.bodyBytes));
      const cutAt = this.add(epoch, each);
      if (cutAt !== undefined) return cutAt;
    }
    return undefined;
  }

  /** Take the messages that fit, beginning next to the cursor. The offset of the last one; undefined: all did. */
  private add(epoch: number, run: Run): number | undefined {
    const sizes = this.bounds.sizesOf(epoch, run);
    const isForward = this.direction === 1;
    let count = 0;
    for (; count < run.count && this.count < this.request.limit; count++) {
      const bytes = sizes[isForward ? count : run.count - 1 - count] ?? 0;
      this.isComplete = this.count > 0 && this.bytes + bytes > this.bounds.maxBytes;
      if (this.isComplete) break;
      this.bytes += bytes;
      this.count++;
    }
    if (count === run.count) {
      if (count > 0) this.runs.push(run);
      return undefined;
    }
    const taken = isForward
      ? run.slice(run.first, run.offsetAt(count - 1))
      : run.slice(run.offsetAt(run.count - count), run.last);
    if (count > 0) this.runs.push(taken);
    return isForward ? taken.last : taken.first;
  }
}
