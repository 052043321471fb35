import { ConfabError, type Position } from "@confab/contract";
import {
  type Appended,
  type Engine,
  type Eventually,
  type KeptBounds,
  type LogEntry,
  type LogPage,
  type NewEntry,
  type PageBounds,
  type ReadMarks,
  type Retention,
  type RoomBus,
  type RoomFound,
  type RoomId,
  type RoomListener,
  type RoomLog,
  type RoomState,
  type RoomSummary,
  Run,
  type Signal,
} from "../core/index.js";
import { MemoryDeletions } from "./memory-deletions.js";
import { MemoryEngine } from "./memory-engine.js";
import { MemoryMembers } from "./memory-members.js";
import type { MemoryOutbox } from "./memory-outbox.js";
import { MemoryRevocations } from "./memory-revocations.js";

/** A reading or a watch that waits for the test. */
interface Held {
  readonly release: () => void;
}

/**
 * A memory engine over a bad network, for tests of core: what the bus brings waits until the test delivers, drops or
 * repeats it, and what the log is asked waits until the test releases it.
 */
export class UnreliableEngine implements Engine, RoomLog, RoomBus {
  readonly log: RoomLog = this;
  readonly bus: RoomBus = this;
  /** Brings its changes at once: that a networked one is later is for tests of that engine. */
  readonly members = new MemoryMembers((change, members) => {
    for (const listener of this.listeners.get(change.room) ?? []) listener.presence([change], members);
  }, 1_000).node();
  readonly revocations = new MemoryRevocations();
  /** What the clock that only grows says, in milliseconds. */
  timeMs = 0;
  readonly deletions = new MemoryDeletions(() => this.timeMs);
  /** Behind a log that is slow they answer at once. */
  get marks(): ReadMarks {
    return this.memory.marks;
  }
  /** Whether reads and watches answer later, when `releaseOne` or `releaseAll` says so. */
  isSlow = false;
  /** Whether entries cannot be read: that fails, and may be tried again. */
  isAway = false;
  /** The newest offset that reading shows, when the log lags behind the bus. */
  newestShown = Number.POSITIVE_INFINITY;
  /** Whether erasures are not reported to listeners. */
  isLossy = false;
  /** How often entries were asked for. */
  reads = 0;
  /** What the bus has not brought yet, in the order of the log. */
  readonly onTheWay: ({ readonly room: RoomId; readonly epoch: number } & LogEntry)[] = [];
  readonly held: Held[] = [];
  private readonly listeners = new Map<RoomId, Set<RoomListener>>();

  /** Replace it, and the log behind is another one. */
  memory = new MemoryEngine();

  async append(room: RoomId, entry: NewEntry): Promise<Appended> {
    const [appended] = await this.appendAll(room, [entry]);
    return appended as Appended;
  }

  async appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    const all = await this.memory.appendAll(room, entries, expected);
    for (const [index, { body }] of entries.entries()) {
      const appended = all[index];
      if (appended && !appended.isDuplicate) this.onTheWay.push({ room, ...appended.position, body });
    }
    return all;
  }

  /** Listeners are told at once; `isLossy` loses that. */
  async erase(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<void> {
    await this.memory.erase(room, epoch, bodies);
    if (!this.isLossy) for (const listener of this.listeners.get(room) ?? []) listener.erased();
  }

  async remove(room: RoomId): Promise<number> {
    const messages = await this.memory.remove(room);
    for (const listener of this.listeners.get(room) ?? []) listener.interrupted();
    return messages;
  }

  setRetention(room: RoomId, retention: Retention): Promise<void> {
    return this.memory.setRetention(room, retention);
  }

  retentionOf(room: RoomId): KeptBounds {
    return this.memory.retentionOf(room);
  }

  /** Bring the first `count` entries that are on their way, `times` times in a row; 0 times loses them. */
  deliver(count = this.onTheWay.length, times = 1): void {
    const brought = this.onTheWay.splice(0, count);
    for (let time = 0; time < times; time++) {
      for (const { room, epoch, offset, body } of brought)
        for (const listener of this.listeners.get(room) ?? []) listener.entries(epoch, Run.of(offset, [body]));
    }
  }

  /** The bus has been away, and says so. */
  interrupt(room: RoomId): void {
    for (const listener of this.listeners.get(room) ?? []) listener.interrupted();
  }

  releaseOne(index = 0): void {
    this.held.splice(index, 1)[0]?.release();
  }

  releaseAll(): void {
    while (this.held.length > 0) this.releaseOne();
  }

  state(room: RoomId): Eventually<RoomState> {
    return this.answer(() => this.memory.state(room));
  }

  readForward(room: RoomId, after: number, bounds: PageBounds): Eventually<LogPage> {
    return this.answer(() => this.read(() => this.memory.readForward(room, after, bounds)));
  }

  readBackward(room: RoomId, before: number, bounds: PageBounds): Eventually<LogPage> {
    return this.answer(() => this.read(() => this.memory.readBackward(room, before, bounds)));
  }

  list(prefix: string, after: string, limit: number): readonly RoomSummary[] {
    return this.memory.list(prefix, after, limit);
  }

  trim(room: RoomId, upTo: number): void {
    this.memory.trim(room, upTo);
  }

  watchersOf(room: RoomId): number {
    return this.listeners.get(room)?.size ?? 0;
  }

  watch(room: RoomId, listener: RoomListener): Eventually<() => void> {
    return this.answer(() => {
      const watching = this.listeners.get(room) ?? new Set();
      this.listeners.set(room, watching.add(listener));
      return () => watching.delete(listener);
    });
  }

  signal(signal: Signal): void {
    for (const listener of this.listeners.get(signal.room) ?? []) listener.signal(signal);
  }

  watchRooms(prefix: string, found: RoomFound): Eventually<() => void> {
    return this.answer(() => this.memory.watchRooms(prefix, found));
  }

  scrub(): Promise<string> {
    return this.memory.scrub();
  }

  outbox(name: string): MemoryOutbox {
    return this.memory.outbox(name);
  }

  trouble(): string | undefined {
    return undefined;
  }

  close(): Promise<void> {
    return this.memory.close();
  }

  private read(make: () => LogPage): LogPage {
    this.reads++;
    if (this.isAway) throw new ConfabError("ENGINE_UNAVAILABLE", "the log is away");
    const page = make();
    return { ...page, run: page.run.slice(page.run.first, this.newestShown) };
  }

  /** The answer is made when it is released: what happens until then is in it. */
  private answer<T>(make: () => T): Eventually<T> {
    if (!this.isSlow) return make();
    return new Promise((resolve, reject) => {
      this.held.push({
        release: () => {
          try {
            resolve(make());
          } catch (thrown) {
            reject(thrown);
          }
        },
      });
    });
  }
}
