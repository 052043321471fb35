import { randomInt } from "node:crypto";
import type { Store } from "./store.js";

const roomsKey = Buffer.from("rooms");

/** What a room gets when it is made. */
interface Next {
  readonly epoch: number;
  /** The number of the room that was made last. */
  readonly lastNumber: number;
}

/**
 * The epoch and the numbers of rooms that are made from now on.
 *
 * While no room has gone away, all have the log's epoch and are numbered without a gap: nothing is stored. When one goes
 * away that has the epoch of new rooms, those get another one from then on. So a room that is made again under its name never
 * has an epoch that it had before, although nothing is kept of the rooms that are gone.
 * See docs/decisions/0026-rooms-that-go-away.md.
 */
export class NewRooms {
  private known: Next | undefined;
  private isStored = false;
  /** What the commit that is being made stores. */
  private written: { readonly next: Next; readonly isStored: boolean } | undefined;

  constructor(
    private readonly store: Store,
    /** How many rooms there are. */
    private readonly countRooms: () => number,
  ) {}

  get epoch(): number {
    return this.next().epoch;
  }

  get lastNumber(): number {
    return this.next().lastNumber;
  }

  /** In the commit that is being made: so many rooms are made, and rooms with these epochs go away. */
  write(made: number, removedEpochs: readonly number[]): void {
    this.written = undefined;
    if (made === 0 && removedEpochs.length === 0) return;
    const { epoch, lastNumber } = this.next();
    const next = {
      epoch: removedEpochs.includes(epoch) ? otherEpoch([epoch, this.store.epoch]) : epoch,
      lastNumber: lastNumber + made,
    };
    this.written = { next, isStored: this.isStored || removedEpochs.length > 0 };
    if (!this.written.isStored) return;
    void this.store.meta.put(roomsKey, Buffer.concat([uint32(next.epoch), uint32(next.lastNumber)]));
  }

  /** The commit is durable. */
  committed(): void {
    if (!this.written) return;
    this.known = this.written.next;
    this.isStored = this.written.isStored;
    this.written = undefined;
  }

  /** The store knows better after a commit of unknown outcome. */
  forget(): void {
    this.known = undefined;
  }

  private next(): Next {
    if (this.known) return this.known;
    const stored = this.store.meta.get(roomsKey);
    this.isStored = stored !== undefined;
    this.known = stored
      ? { epoch: stored.readUInt32BE(0), lastNumber: stored.readUInt32BE(4) }
      : { epoch: this.store.epoch, lastNumber: this.countRooms() };
    return this.known;
  }
}

/** By chance and not by counting: of two copies of one data folder, each goes its own way. */
function otherEpoch(used: readonly number[]): number {
  for (;;) {
    const epoch = randomInt(1, 2 ** 32);
    if (!used.includes(epoch)) return epoch;
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
