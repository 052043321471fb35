import { boundedLineage, type EarlierEpoch, maxEarlierEpochs, type RoomId } from "../../core/index.js";
import { epochFrom, newSeed, numbers, numbersIn } from "./room-epochs.js";
import type { Store } from "./store.js";

const roomsKey = Buffer.from("rooms");

/** There in a log that had an earlier format: the epoch that all rooms without a record had. It became the first seed. */
const sharedKey = Buffer.from("shared");

/** What a room gets when it is made. */
interface Next {
  /** Where its epoch comes from. */
  readonly seed: number;
  /** The number of the room that was made last. */
  readonly lastNumber: number;
  /** Seeds before this one, the newest first; no room has gone away since the oldest of them. */
  readonly earlier: readonly number[];
}

/** For a log of a format up to 3, in the write that is being made: readers hold positions of rooms without a record. */
export function keepSharedEpoch({ meta, epoch }: Pick<Store, "epoch" | "meta">): void {
  const [shared = epoch] = numbersIn(meta.get(roomsKey) ?? Buffer.alloc(0));
  void meta.put(sharedKey, numbers(shared));
}

/**
 * The epochs and the numbers of rooms that are made from now on. A room without a record has the epoch that it would get.
 *
 * While no room has gone away, epochs come from one seed and rooms are numbered without a gap: nothing is stored. When one
 * goes away whose epoch came from the seed, there is another seed from then on. So a room that is made again under its name
 * never has an epoch that it had before, although nothing is kept of the rooms that are gone.
 * See docs/decisions/0026-rooms-that-go-away.md.
 */
export class NewRooms {
  private known: Next | undefined;
  private isStored = false;
  /** What the commit that is being made stores. */
  private written: { readonly next: Next; readonly isStored: boolean } | undefined;

  constructor(
    private readonly store: Pick<Store, "epoch" | "meta">,
    /** How many rooms there are. */
    private readonly countRooms: () => number,
  ) {}

  epochOf(room: RoomId): number {
    return epochFrom(this.next().seed, room);
  }

  /** Earlier epochs of a room without a record. It had no message in any of them. */
  lineageOf(room: RoomId): readonly EarlierEpoch[] {
    const { seed, earlier } = this.next();
    const [shared = 0] = numbersIn(this.store.meta.get(sharedKey) ?? Buffer.alloc(0));
    const epochs = earlier.map((each) => epochFrom(each, room));
    if ([seed, ...earlier].includes(shared)) epochs.push(shared);
    return boundedLineage(epochs.reverse().map((epoch) => ({ epoch, top: 0 })));
  }

  get lastNumber(): number {
    return this.next().lastNumber;
  }

  /** In the commit that is being made: so many rooms are made, and rooms that had these epochs go away. */
  write(made: number, removed: ReadonlyMap<RoomId, { readonly epoch: number }>): void {
    this.written = undefined;
    if (made === 0 && removed.size === 0) return;
    const { seed, lastNumber, earlier } = this.next();
    // A room of an earlier format may have a seed itself for its epoch.
    const isUsed = [...removed].some(
      ([room, { epoch }]) => epoch === epochFrom(seed, room) || [seed, ...earlier].includes(epoch),
    );
    const next = {
      seed: isUsed ? newSeed([seed, ...earlier, this.store.epoch]) : seed,
      lastNumber: lastNumber + made,
      earlier: isUsed ? [] : earlier,
    };
    this.written = { next, isStored: this.isStored || removed.size > 0 };
    if (this.written.isStored) this.put(next);
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

  /** Let epochs come from another seed, in the write that is being made. Not to be used on. */
  renew(seed: number): void {
    const before = this.next();
    this.put({ ...before, seed, earlier: [before.seed, ...before.earlier].slice(0, maxEarlierEpochs) });
  }

  private put({ seed, lastNumber, earlier }: Next): void {
    void this.store.meta.put(roomsKey, numbers(seed, lastNumber, ...earlier));
  }

  private next(): Next {
    if (this.known) return this.known;
    const stored = this.store.meta.get(roomsKey);
    this.isStored = stored !== undefined;
    const [seed = this.store.epoch, lastNumber = this.countRooms(), ...earlier] = numbersIn(stored ?? Buffer.alloc(0));
    this.known = { seed, lastNumber, earlier };
    return this.known;
  }
}
