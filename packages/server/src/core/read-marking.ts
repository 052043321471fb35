import { ConfabError, type Limits, type Position } from "@confab/contract";
import type { Engine } from "./engine.js";
import { beginPiece, endPiece, scannedPiece } from "./newest-messages.js";
import type { Clock, RoomState, Turns } from "./ports.js";
import { pastOffset } from "./range.js";
import { ReadAnnouncements } from "./read-announcements.js";
import type { MarkedRoom, ReadMark } from "./record-ports.js";
import type { RoomId } from "./room-id.js";
import type { ScanningShare } from "./scanning-share.js";
import { SignalRates } from "./signal-rates.js";

export interface ReadMarkingDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly limits: Pick<Limits, "maxSignalsPerSecond" | "maxSignalSenders">;
  /** Whether a room is known to have no change of a message after an offset, up to its newest entry. */
  readonly isPlainAfter: (room: RoomId, offset: number, state: RoomState) => boolean;
  /** The log has no change of a message after an offset, up to its newest entry. */
  readonly notePlainAfter: (room: RoomId, offset: number, state: RoomState) => void;
}

/** A mark as callers get it. */
export interface ListedMark {
  readonly room: RoomId;
  readonly user: string;
  /** Offset 0: the user has no mark. */
  readonly position: Position;
  /** Messages after the position that are in the log. Changes of messages do not count. */
  readonly unread: number;
  /** Undefined: the user has no mark. */
  readonly atMs: number | undefined;
}

/**
 * How many messages of a room are in the log after a mark, or at all without one. Running counts tell how many of the entries
 * are changes. Without a reading: a mark has the count of its place.
 */
function unreadAfter({ state, changes }: Omit<MarkedRoom, "marks">, mark: ReadMark | undefined): number {
  const beforeOldest = state.oldest - 1;
  const isInLog = mark !== undefined && mark.position.offset >= beforeOldest;
  const from = isInLog ? mark.position.offset : beforeOldest;
  const entries = Math.max(0, state.newest - from);
  const changesAfter = changes.all - (isInLog ? (mark.changes ?? changes.all) : changes.trimmed);
  // Entries of before there were counts, and those of damaged blocks, are in none of them.
  return Math.max(0, entries - Math.max(0, changesAfter));
}

/** Read marks: they are moved, announced and listed. */
export class ReadMarking {
  private readonly announcements: ReadAnnouncements;
  private readonly rates: SignalRates;

  constructor(private readonly deps: ReadMarkingDeps) {
    const { engine, clock, turns, limits } = deps;
    this.announcements = new ReadAnnouncements(turns, clock, (signal) => engine.bus.signal(signal));
    this.rates = new SignalRates(limits, clock, "marked");
  }

  /**
   * Move a user's mark forward. Resolves with the mark as it is now, once it is durable; it may be further. Offset 0
   * stores nothing.
   *
   * @throws OUT_OF_RANGE: the room has not come to the position. RATE_LIMITED, OVERLOADED. What `ReadMarks.move` and reading throw.
   */
  async move(room: RoomId, user: string, position: Position, share: ScanningShare): Promise<ListedMark> {
    this.rates.take({ room, user });
    this.announcements.refuseFull();
    const { marks } = this.deps.engine;
    const [found = noMarks] = await marks.of(user, [room]);
    const offset = pastOffset(room, position, found.state);
    const [before] = found.marks;
    if (offset <= (before?.position.offset ?? 0)) return this.listed(room, user, found, share);
    const changes = await this.changesUpTo(room, offset, found, share);
    const { epoch } = found.state;
    const mark = { user, position: { epoch, offset }, changes, atMs: this.deps.clock.nowMs() };
    const moved = await marks.move(room, mark);
    if (moved.isMoved) this.announcements.tell({ room, user, kind: "read", position: moved.mark.position });
    return this.listed(room, user, { ...moved, marks: [moved.mark] }, share);
  }

  /** The marks that a user has in rooms, in their order. @throws ENGINE_UNAVAILABLE, NEWER_FORMAT */
  async of(user: string, rooms: readonly RoomId[], share: ScanningShare): Promise<readonly ListedMark[]> {
    if (rooms.length === 0) return [];
    const found = await this.deps.engine.marks.of(user, rooms);
    const listed: ListedMark[] = [];
    for (const [index, room] of rooms.entries())
      listed.push(await this.listed(room, user, found[index] ?? noMarks, share));
    return listed;
  }

  /** Marks of a room, after that of a user: see `ReadMarks.page`. @throws as `of` */
  async page(room: RoomId, after: string, limit: number, share: ScanningShare): Promise<readonly ListedMark[]> {
    const found = await this.deps.engine.marks.page(room, after, limit);
    const listed: ListedMark[] = [];
    for (const mark of found.marks) listed.push(await this.listed(room, mark.user, { ...found, marks: [mark] }, share));
    return listed;
  }

  /** Announce what waits, when the server stops. */
  close(): void {
    this.announcements.close();
  }

  private async listed(room: RoomId, user: string, found: MarkedRoom, share: ScanningShare): Promise<ListedMark> {
    const [mark] = found.marks;
    const { epoch } = found.state;
    if (!mark)
      return { room, user, position: { epoch, offset: 0 }, unread: unreadAfter(found, undefined), atMs: undefined };
    const { position, atMs } = mark;
    const changes = mark.changes ?? (await this.changesUpTo(room, position.offset, { ...found, marks: [] }, share));
    return { room, user, position, unread: unreadAfter(found, { ...mark, changes }), atMs };
  }

  /** How many changes the log has had up to an offset. What is between that and the nearest count that is known is looked through. */
  private async changesUpTo(
    room: RoomId,
    offset: number,
    { state, changes, marks: [mark] }: MarkedRoom,
    share: ScanningShare,
  ): Promise<number> {
    if (offset < state.oldest) return changes.trimmed;
    // In most rooms no message was ever changed.
    if (changes.all === changes.trimmed || this.deps.isPlainAfter(room, offset, state)) return changes.all;
    const known = mark?.changes !== undefined && mark.position.offset >= state.oldest - 1 ? mark.position.offset : 0;
    if (known > 0 && offset - known < state.newest - offset) {
      const { found, isWhole } = await this.changesBetween(room, known, offset, state, share);
      if (isWhole) return (mark?.changes ?? 0) + found;
    }
    // Where some of these are trimmed by now, so is the offset, and its count is of no use.
    const after = await this.changesBetween(room, offset, state.newest, state, share);
    if (after.isWhole && after.found === 0) this.deps.notePlainAfter(room, offset, state);
    return changes.all - after.found;
  }

  /** How many entries after one offset and up to another one are changes, of those that can still be seen, and whether all can. */
  private async changesBetween(
    room: RoomId,
    after: number,
    to: number,
    { epoch }: RoomState,
    share: ScanningShare,
  ): Promise<{ readonly found: number; readonly isWhole: boolean }> {
    const { log } = this.deps.engine;
    let [found, seen] = [0, after];
    while (seen < to) {
      await beginPiece(share);
      const maxEntries = Math.min(scannedPiece.maxEntries, to - seen);
      const page = await asRead(() => log.readForward(room, seen, { ...scannedPiece, maxEntries }));
      if (!page) break;
      const { run } = page;
      endPiece(share, run);
      // It was trimmed or replaced meanwhile.
      if (page.epoch !== epoch || run.count === 0 || run.first !== seen + 1) break;
      found += run.count - run.messages.count;
      seen = run.last;
    }
    return { found, isWhole: seen >= to };
  }
}

/** Undefined: it is damaged. */
async function asRead<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof ConfabError && thrown.code === "DATA_LOSS") return undefined;
    throw thrown;
  }
}

const noMarks: MarkedRoom = {
  state: { epoch: 0, oldest: 1, newest: 0, messages: 0 },
  changes: { all: 0, trimmed: 0 },
  marks: [],
};
