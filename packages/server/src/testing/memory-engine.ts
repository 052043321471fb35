import { isChange, type Position } from "@confab/contract";
import {
  type Appended,
  boundedLineage,
  type EarlierEpoch,
  type Engine,
  type KeptBounds,
  type LogEntry,
  type LogPage,
  type MemberDirectory,
  type NewEntry,
  offsetHere,
  outOfRange,
  type PageBounds,
  type Retention,
  type RoomBus,
  type RoomFound,
  type RoomId,
  type RoomListener,
  type RoomLog,
  type RoomState,
  type RoomSummary,
  RoomWatchers,
  Run,
  type Signal,
  unexpectedPosition,
} from "../core/index.js";
import { MemoryDeletions } from "./memory-deletions.js";
import { MemoryMarks } from "./memory-marks.js";
import { MemoryMembers } from "./memory-members.js";
import { MemoryNodes } from "./memory-nodes.js";
import { type MemoryOutbox, MemoryOutboxes } from "./memory-outbox.js";
import { MemoryRevocations } from "./memory-revocations.js";

interface MemoryRoom {
  entries: LogEntry[];
  newest: number;
  /** Changes of messages that were appended, also those that are not in `entries` any more. */
  changes: number;
  readonly firstSends: Map<string, { readonly position: Position; readonly sentAtMs: number }>;
}

/** An engine without a disk, for tests of what stands above the ports. It keeps everything until told to trim. */
export class MemoryEngine implements Engine, RoomLog, RoomBus {
  readonly log: RoomLog = this;
  readonly bus: RoomBus = this;
  /** Set by a test: what appends fail with. */
  appendError: Error | undefined;
  private readonly rooms = new Map<RoomId, MemoryRoom>();
  readonly members: MemberDirectory;
  readonly revocations = new MemoryRevocations();
  readonly deletions: MemoryDeletions;
  private readonly allNodes = new MemoryNodes();
  readonly nodes = this.allNodes.node();
  readonly marks: MemoryMarks;
  private readonly listeners = new Map<RoomId, Set<RoomListener>>();
  private readonly roomWatchers = new RoomWatchers();
  private readonly allMembers: MemoryMembers;
  private readonly outboxes = new Map<string, MemoryOutboxes>();

  /** Of rooms that were removed. */
  private readonly epochs = new Map<RoomId, number>();
  private readonly retentions = new Map<RoomId, Retention>();
  private lineage: readonly EarlierEpoch[] = [];

  constructor(
    private epoch = 7,
    maxPresenceEventMembers = 1_000,
    monotonicMs: () => number = () => performance.now(),
  ) {
    this.deletions = new MemoryDeletions(monotonicMs);
    this.allMembers = new MemoryMembers((change, members) => {
      for (const listener of this.listeners.get(change.room) ?? []) listener.presence([change], members);
    }, maxPresenceEventMembers);
    this.members = this.allMembers.node();
    this.marks = new MemoryMarks((room) => {
      const { entries, changes } = this.rooms.get(room) ?? { entries: [], changes: 0 };
      return { state: this.state(room), changes: { all: changes, trimmed: changes - changesIn(entries) } };
    });
  }

  /** One more node on the same log and bus. */
  anotherNode(): Engine {
    const members = this.allMembers.node();
    const { revocations, deletions, marks } = this;
    const nodes = this.allNodes.node();
    return {
      log: this,
      marks,
      bus: this,
      members,
      revocations,
      deletions,
      nodes,
      outbox: (name) => this.outbox(name),
      scrub: () => this.scrub(),
      trouble: () => this.trouble(),
      close: async () => {
        members.close();
        nodes.close();
      },
    };
  }

  async scrub(): Promise<string> {
    return "";
  }

  outbox(name: string): MemoryOutbox {
    const list = () => this.list("", "", Number.MAX_SAFE_INTEGER);
    const outboxes = this.outboxes.get(name) ?? new MemoryOutboxes(list);
    this.outboxes.set(name, outboxes);
    return outboxes.node();
  }

  async append(room: RoomId, entry: NewEntry): Promise<Appended> {
    const [appended] = await this.appendAll(room, [entry]);
    return appended as Appended;
  }

  async appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    if (this.appendError) throw this.appendError;
    const refuseFirst = entries[0]?.refuseFirst;
    const about = entries[0]?.about;
    if (refuseFirst && !this.rooms.has(room)) throw refuseFirst();
    if (refuseFirst && about && offsetHere(about, this.state(room)) === undefined) throw refuseFirst();
    const kept: MemoryRoom = this.rooms.get(room) ?? { entries: [], newest: 0, changes: 0, firstSends: new Map() };
    const isNew = ({ dedupeKey }: NewEntry) => dedupeKey === undefined || !kept.firstSends.has(dedupeKey);
    const isElsewhere = expected && offsetHere(expected, this.state(room)) !== kept.newest;
    if (isElsewhere && entries.some(isNew)) throw unexpectedPosition(room, this.state(room), expected);
    this.rooms.set(room, kept);
    const added: LogEntry[] = [];
    const appended = entries.map(({ body, sentAtMs, dedupeKey }) => {
      const first = dedupeKey === undefined ? undefined : kept.firstSends.get(dedupeKey);
      if (first) return { ...first, isDuplicate: true };
      const entry: LogEntry = { offset: ++kept.newest, body };
      added.push(entry);
      const position = { epoch: this.epochOf(room), offset: entry.offset };
      if (dedupeKey !== undefined) kept.firstSends.set(dedupeKey, { position, sentAtMs });
      return { position, sentAtMs, isDuplicate: false };
    });
    kept.entries.push(...added);
    kept.changes += changesIn(added);
    if (added.length > 0) {
      if (added[0]?.offset === 1) this.roomWatchers.tell(room);
      for (const listener of this.listeners.get(room) ?? []) listener.entries(this.epochOf(room), runOf(added));
      for (const outboxes of this.outboxes.values()) outboxes.appended(room);
    }
    return appended;
  }

  async erase(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<void> {
    if (this.appendError) throw this.appendError;
    const kept = this.rooms.get(room);
    const others = new Map(bodies.map((entry) => [entry.offset, entry]));
    if (
      epoch !== this.epochOf(room) ||
      !kept ||
      kept.entries.filter(({ offset }) => others.has(offset)).length < others.size
    )
      throw outOfRange(room, this.state(room), "there is no such message");
    kept.entries = kept.entries.map((entry) => others.get(entry.offset) ?? entry);
    for (const listener of this.listeners.get(room) ?? []) listener.erased();
  }

  async remove(room: RoomId): Promise<number> {
    if (this.appendError) throw this.appendError;
    const kept = this.rooms.get(room);
    if (!kept) return 0;
    this.rooms.delete(room);
    this.marks.roomRemoved(room);
    this.retentions.delete(room);
    this.epochs.set(room, this.epochOf(room) + 1_000);
    for (const outboxes of this.outboxes.values()) outboxes.removed(room);
    for (const listener of this.listeners.get(room) ?? []) listener.interrupted();
    return kept.entries.length;
  }

  async setRetention(room: RoomId, retention: Retention): Promise<void> {
    if (!this.rooms.has(room)) throw outOfRange(room, this.state(room), "a room without a message has no bounds");
    this.retentions.set(room, retention);
  }

  retentionOf(room: RoomId): KeptBounds {
    const own = this.retentions.get(room) ?? {};
    return { own, effective: own };
  }

  state(room: RoomId): RoomState {
    const { entries, newest } = this.rooms.get(room) ?? { entries: [], newest: 0 };
    const lineage = this.lineage.length > 0 ? { lineage: this.lineage } : {};
    return {
      epoch: this.epochOf(room),
      ...lineage,
      oldest: newest - entries.length + 1,
      newest,
      messages: entries.length,
    };
  }

  readForward(room: RoomId, after: number, bounds: PageBounds): LogPage {
    const following = this.entriesOf(room).filter(({ offset }) => offset > after);
    return { ...this.state(room), run: runOf(withinBounds(following, bounds), after + 1) };
  }

  readBackward(room: RoomId, before: number, bounds: PageBounds): LogPage {
    const preceding = this.entriesOf(room).filter(({ offset }) => offset < before);
    return { ...this.state(room), run: runOf(withinBounds(preceding.reverse(), bounds).reverse(), before) };
  }

  list(prefix: string, after: string, limit: number): RoomSummary[] {
    const names = [...this.rooms.keys()].filter((room) => room.startsWith(prefix) && room > after).sort();
    return names.slice(0, limit).map((room) => ({ room, ...this.state(room) }));
  }

  /** As after a restore: the rooms have their messages up to an offset, in another epoch. */
  putBack(upTo: number, epoch: number): void {
    for (const room of this.rooms.values()) {
      room.changes -= changesIn(room.entries.filter(({ offset }) => offset > upTo));
      room.entries = room.entries.filter(({ offset }) => offset <= upTo);
      room.newest = Math.min(room.newest, upTo);
    }
    this.lineage = boundedLineage([...this.lineage, { epoch: this.epoch, top: upTo }]);
    this.epoch = epoch;
  }

  /** Drop the entries up to an offset. */
  trim(room: RoomId, upTo: number): void {
    const kept = this.rooms.get(room);
    if (kept) kept.entries = kept.entries.filter(({ offset }) => offset > upTo);
  }

  watch(room: RoomId, listener: RoomListener): () => void {
    const watching = this.listeners.get(room) ?? new Set();
    this.listeners.set(room, watching.add(listener));
    return () => watching.delete(listener);
  }

  signal(signal: Signal): void {
    for (const listener of this.listeners.get(signal.room) ?? []) listener.signal(signal);
  }

  watchRooms(prefix: string, found: RoomFound): () => void {
    return this.roomWatchers.add(prefix, found);
  }

  trouble(): string | undefined {
    return this.appendError?.message;
  }

  async close(): Promise<void> {
    // There is nothing to release.
  }

  private epochOf(room: RoomId): number {
    return this.epochs.get(room) ?? this.epoch;
  }

  private entriesOf(room: RoomId): LogEntry[] {
    return this.rooms.get(room)?.entries ?? [];
  }
}

function changesIn(entries: readonly LogEntry[]): number {
  return entries.filter(({ body }) => isChange(body)).length;
}

function runOf(entries: readonly LogEntry[], emptyFirst = 1): Run {
  return Run.of(
    entries[0]?.offset ?? emptyFirst,
    entries.map(({ body }) => body),
  );
}

function withinBounds(entries: readonly LogEntry[], { maxEntries, maxBytes }: PageBounds): LogEntry[] {
  const page: LogEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (page.length >= maxEntries || bytes >= maxBytes) break;
    page.push(entry);
    bytes += entry.body.length;
  }
  return page;
}
