import { ConfabError, formatPosition, type Position } from "@confab/contract";
import { outOfRange, type RoomId, runForward } from "../../core/index.js";
import type { Drafts } from "./drafts.js";
import type { RoomRecord } from "./room-record.js";
import type { RoomChanges, RoomTable } from "./room-table.js";
import type { Store } from "./store.js";

/** A message that is to get another body. */
export interface PendingErasure {
  readonly room: RoomId;
  readonly position: Position;
  readonly body: Uint8Array;
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

/** Erasures in one commit. Each reads a block. */
const maxGroupErasures = 128;

const oneEntry = { maxEntries: 1, maxBytes: 1 };

/** The erasures that wait for a commit, and how a commit makes them. */
export class Erasures {
  private readonly pending: PendingErasure[] = [];

  constructor(private readonly deps: ErasuresDeps) {}

  get count(): number {
    return this.pending.length;
  }

  /** Resolves once it is durable. @throws as `RoomLog.erase` does. */
  push(room: RoomId, position: Position, body: Uint8Array): Promise<void> {
    const { maxPendingSends } = this.deps;
    if (this.pending.length >= maxPendingSends) {
      const text = `${this.pending.length} erasures wait for the disk; maxPendingSends is ${maxPendingSends}`;
      return Promise.reject(new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 }));
    }
    return new Promise((resolve, reject) => this.pending.push({ room, position, body, resolve, reject }));
  }

  /** Those of the next commit. */
  take(): readonly PendingErasure[] {
    return this.pending.splice(0, maxGroupErasures);
  }

  /** Whether the message gets its other body in the commit that is being made; otherwise that is refused at once. */
  place({ room, position, body, reject }: PendingErasure, drafts: Drafts, { put, removed }: DraftedChanges): boolean {
    const { store, rooms } = this.deps;
    const { epoch, offset } = position;
    try {
      const draft = drafts.ofExisting(room);
      const { record, storedNewest = 0 } = draft ?? {};
      // What this commit brings cannot be meant: no client knows a position of it.
      if (!record || removed.has(room) || epoch !== record.epoch || offset < record.oldest || offset > storedNewest)
        throw outOfRange(room, rooms.state(room), `there is no message at position ${formatPosition(position)}`);
      const range = { from: offset, to: offset };
      const [entry] = runForward(store.entries.forward(record.number, offset), range, oneEntry).entries;
      if (!entry) throw new ConfabError("DATA_LOSS", `message ${offset} of room ${room} is missing`);
      // The same again in one commit: the account has it already.
      if (!draft?.erased.has(offset)) record.bytes += body.length - entry.body.length;
      draft?.erased.add(offset);
      store.entries.rewrite(record.number, { bodies: new Map([[offset, body]]), cutTo: 0 });
      put.set(room, record);
      return true;
    } catch (refused) {
      reject(refused);
      return false;
    }
  }
}
