import { ConfabError, formatPosition } from "@confab/contract";
import { type LogEntry, maxErasedTogether, outOfRange, type RoomId, runForward } from "../../core/index.js";
import type { Drafts } from "./drafts.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomChanges, RoomTable } from "./room-table.js";
import type { Store } from "./store.js";

/** Messages that are to get other bodies, in one commit. */
export interface PendingErasure {
  readonly room: RoomId;
  readonly epoch: number;
  readonly bodies: readonly LogEntry[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What the commit that is being made does to rooms, as far as it is known. */
export interface DraftedChanges extends RoomChanges {
  readonly put: Map<RoomId, RoomRecord>;
}

export interface ErasuresDeps {
  readonly store: Pick<Store, "entries">;
  readonly rooms: RoomTable;
  readonly maxPendingSends: number;
}

const oneEntry = { maxEntries: 1, maxBytes: 1 };

/** The erasures that wait for a commit, and how a commit makes them. */
export class Erasures {
  private readonly pending: PendingErasure[] = [];
  /** Messages of those that wait. */
  private messages = 0;

  constructor(private readonly deps: ErasuresDeps) {}

  get count(): number {
    return this.pending.length;
  }

  /** Resolves once it is durable. @throws as `RoomLog.erase` does. */
  push(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<void> {
    const { maxPendingSends } = this.deps;
    if (this.messages >= maxPendingSends) {
      const text = `${this.messages} erasures wait for the disk; maxPendingSends is ${maxPendingSends}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    this.messages += bodies.length;
    return new Promise((resolve, reject) => this.pending.push({ room, epoch, bodies, resolve, reject }));
  }

  /** Those of the next commit. */
  take(): readonly PendingErasure[] {
    let [count, messages] = [0, 0];
    for (const { bodies } of this.pending) {
      // Each message reads a block.
      if (count > 0 && messages + bodies.length > maxErasedTogether) break;
      count += 1;
      messages += bodies.length;
    }
    this.messages -= messages;
    return this.pending.splice(0, count);
  }

  /**
   * Give the messages their other bodies in the commit that is being made. Or returns what refuses that, to be called once
   * the commit is durable: until then the room is shown with what this commit drops of it.
   */
  place(
    { room, epoch, bodies, reject }: PendingErasure,
    drafts: Drafts,
    { put, removed }: DraftedChanges,
  ): (() => void) | undefined {
    const { store, rooms } = this.deps;
    try {
      const draft = drafts.ofExisting(room);
      const { record, storedNewest = 0 } = draft ?? {};
      // What this commit brings cannot be meant: no client knows a position of it.
      const missing = bodies.find(
        ({ offset }) =>
          !record || removed.has(room) || epoch !== record.epoch || offset < record.oldest || offset > storedNewest,
      );
      if (!draft || !record || missing) {
        const position = formatPosition({ epoch, offset: missing?.offset ?? 0 });
        return () => reject(outOfRange(room, rooms.state(room), `there is no message at position ${position}`));
      }
      // All are read before one counts: they are erased together, or none is.
      const lengths = bodies.map(({ offset }) => this.lengthOf(room, record.number, offset));
      for (const [index, { offset, body }] of bodies.entries()) {
        // The same again in one commit: the account has it already.
        if (!draft.erased.has(offset)) record.bytes += body.length - (lengths[index] ?? 0);
        draft.erased.add(offset);
      }
      const others = new Map(bodies.map(({ offset, body }) => [offset, body]));
      store.entries.rewrite(record.number, { bodies: others, cutTo: 0 });
      put.set(room, record);
      return undefined;
    } catch (refused) {
      return () => reject(refused);
    }
  }

  /** Bytes of the body that a message has. @throws DATA_LOSS */
  private lengthOf(room: RoomId, number: number, offset: number): number {
    const range = { from: offset, to: offset };
    const [entry] = runForward(this.deps.store.entries.forward(number, offset), range, oneEntry).entries;
    if (!entry) throw new ConfabError("DATA_LOSS", `message ${offset} of room ${room} is missing`);
    return entry.body.length;
  }
}
