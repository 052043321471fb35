import { ConfabError, type Position } from "@confab/contract";
import { type Appended, type NewEntry, type RoomId, Run } from "../../core/index.js";
import { confabErrorFromRedis } from "./redis-error.js";

/** What one run of the append script did. */
export interface GroupOutcome {
  readonly epoch: number;
  readonly topBefore: number;
  /** What was new in the group, as a block. */
  readonly added: Uint8Array;
  /** By the entry's index in the group. */
  readonly duplicates: ReadonlyMap<number, { readonly offset: number; readonly sentAtMs: number }>;
}

export interface RoomAppendsDeps {
  readonly maxPendingSends: number;
  readonly maxPendingSendBytes: number;
  /**
   * Append a group to one room. Undefined: the room does not exist, and the group's first entry may not make it; nothing was
   * done. "elsewhere": an entry of it is about one that the log does not have; nothing was done. `expected`: only if this is the room's newest position, or all of the group is stored already.
   *
   * @throws UNEXPECTED_POSITION, and what Redis or the connection say.
   */
  readonly write: (
    room: RoomId,
    group: readonly NewEntry[],
    expected?: Position,
  ) => Promise<GroupOutcome | "elsewhere" | undefined>;
  /** The new messages of a group, which are in the log now. */
  readonly written: (room: RoomId, epoch: number, run: Run) => void;
}

/** Entries that are stored together or not at all: they are in one run of the script. */
interface PendingSend {
  readonly entries: readonly NewEntry[];
  readonly bytes: number;
  readonly expected: Position | undefined;
  /** With one for each entry. */
  readonly resolve: (appended: readonly Appended[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What waits for one room. */
interface RoomQueue {
  pending: PendingSend[];
  isBusy: boolean;
}

/** One run of the script, before its last send: it bounds how long Redis does nothing else, and what Lua can unpack. */
const maxGroupEntries = 500;
const maxGroupBytes = 1_048_576;

/**
 * Collects the sends of this node by room and gives them to Redis in groups.
 *
 * Rooms are independent and pipelined. Within a room one group is on its way at a time, and all that arrive meanwhile form
 * the next: so the order of the calls is kept whatever happens to a group (it failed, it was redirected by a Cluster, the
 * server had forgotten the script), and the busier a room is, the less each of its messages costs.
 */
export class RoomAppends {
  private readonly queues = new Map<RoomId, RoomQueue>();
  private due: RoomId[] = [];
  private waitingEntries = 0;
  private waitingBytes = 0;
  private isClosed = false;
  private whenDrained: (() => void) | undefined;

  constructor(private readonly deps: RoomAppendsDeps) {}

  append(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    const { maxPendingSends, maxPendingSendBytes } = this.deps;
    if (this.isClosed) return Promise.reject(new ConfabError("SHUTTING_DOWN", "the log is closed"));
    const bytes = entries.reduce((sum, { body }) => sum + body.length, 0);
    if (this.waitingEntries + entries.length > maxPendingSends || this.waitingBytes + bytes > maxPendingSendBytes) {
      const text = `${this.waitingEntries} sends (${this.waitingBytes} bytes) wait for Redis; maxPendingSends is ${maxPendingSends}, maxPendingSendBytes ${maxPendingSendBytes}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    this.waitingEntries += entries.length;
    this.waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      const queue = this.queueOf(room);
      queue.pending.push({ entries, bytes, expected, resolve, reject });
      // The rest of this turn's sends belong into the same group.
      if (queue.pending.length === 1 && !queue.isBusy) this.flushAfterTurn(room);
    });
  }

  /** Take no more sends; resolves when those taken have an outcome. */
  async close(): Promise<void> {
    this.isClosed = true;
    if (this.waitingEntries === 0) return;
    await new Promise<void>((resolve) => {
      const others = this.whenDrained;
      this.whenDrained = () => {
        others?.();
        resolve();
      };
    });
  }

  private queueOf(room: RoomId): RoomQueue {
    const existing = this.queues.get(room);
    if (existing) return existing;
    const queue: RoomQueue = { pending: [], isBusy: false };
    this.queues.set(room, queue);
    return queue;
  }

  private flushAfterTurn(room: RoomId): void {
    this.due.push(room);
    if (this.due.length > 1) return;
    setImmediate(() => {
      const { due } = this;
      this.due = [];
      for (const one of due) void this.drain(one, this.queueOf(one));
    });
  }

  /** One group after another until nothing waits. Never rejects. */
  private async drain(room: RoomId, queue: RoomQueue): Promise<void> {
    queue.isBusy = true;
    while (queue.pending.length > 0) {
      const group = takeGroup(queue);
      await this.writeGroup(room, group);
      this.settled(group);
    }
    this.queues.delete(room);
  }

  private async writeGroup(room: RoomId, group: readonly PendingSend[]): Promise<void> {
    const all = group.flatMap(({ entries }) => entries);
    try {
      const outcome = await this.deps.write(room, all, group[0]?.expected);
      if (!outcome) {
        const rest = refuseLeading(group);
        if (rest.length > 0) await this.writeGroup(room, rest);
        return;
      }
      if (outcome === "elsewhere") {
        const [only, ...others] = group;
        if (others.length === 0) only?.reject(only.entries[0]?.refuseFirst?.());
        else for (const each of group) await this.writeGroup(room, [each]);
        return;
      }
      const { epoch, topBefore, duplicates, added } = outcome;
      // Readers of this node first: who is told that it is stored may expect that it was heard.
      const run = new Run(
        topBefore + 1,
        added.length === 0 ? [] : [{ bytes: added, count: all.length - duplicates.size }],
      );
      if (run.count > 0) this.deps.written(room, epoch, run);
      let next = 0;
      const appended = all.map((entry, index) => {
        const { offset, sentAtMs } = duplicates.get(index) ?? { offset: topBefore + ++next, sentAtMs: entry.sentAtMs };
        return { position: { epoch, offset }, sentAtMs, isDuplicate: duplicates.has(index) };
      });
      let at = 0;
      for (const { entries: sent, resolve } of group) {
        resolve(appended.slice(at, at + sent.length));
        at += sent.length;
      }
    } catch (thrown) {
      const error = confabErrorFromRedis(thrown, true);
      for (const { reject } of group) reject(error);
    }
  }

  private settled(group: readonly PendingSend[]): void {
    for (const { entries, bytes } of group) {
      this.waitingEntries -= entries.length;
      this.waitingBytes -= bytes;
    }
    if (this.waitingEntries === 0) this.whenDrained?.();
  }
}

/** There is no room: refuse those before the first that may make it. Returns the rest, which begins with that one. */
function refuseLeading(group: readonly PendingSend[]): readonly PendingSend[] {
  let count = 0;
  for (const { entries, reject } of group) {
    const refuseFirst = entries[0]?.refuseFirst;
    if (!refuseFirst) break;
    reject(refuseFirst());
    count++;
  }
  return group.slice(count);
}

/**
 * One that expects a position is a group alone, so that no other is refused with it. Those that are about other entries name
 * one epoch.
 */
function takeGroup(queue: RoomQueue): readonly PendingSend[] {
  const { pending } = queue;
  let count = 0;
  let epoch: number | undefined;
  for (let entries = 0, bytes = 0; entries < maxGroupEntries && bytes < maxGroupBytes; count++) {
    const send = pending[count];
    if (!send || (send.expected && count > 0)) break;
    const { about } = send.entries[0] ?? {};
    epoch ??= about?.epoch;
    if (about && about.epoch !== epoch) break;
    entries += send.expected ? maxGroupEntries : send.entries.length;
    bytes += send.bytes;
  }
  const group = count === pending.length ? pending : pending.slice(0, count);
  queue.pending = count === pending.length ? [] : pending.slice(count);
  return group;
}
