import { randomInt } from "node:crypto";
import { crc32 } from "node:zlib";
import { boundedLineage, maxEarlierEpochs, type RoomId } from "../../core/index.js";
import { decodeRoomRecord, encodeRoomRecord, type RoomRecord } from "./room-record.js";
import type { Store } from "./store.js";

const renewalsKey = Buffer.from("renewals");

/**
 * The epoch that a room gets from a seed. A checksum is one-to-one in the value that it begins with, so a room has another
 * epoch with each seed.
 */
export function epochFrom(seed: number, room: RoomId): number {
  return crc32(room, seed) || 0xffff_ffff;
}

/** By chance and not by counting: of two copies of one data folder, each goes its own way. */
export function newSeed(used: readonly number[]): number {
  for (;;) {
    const seed = randomInt(1, 2 ** 32);
    if (!used.includes(seed)) return seed;
  }
}

/** The times that all rooms got another epoch. */
interface Renewals {
  readonly count: number;
  /** Those of the last ones, the oldest first: what the rooms are called now, and as many as they remember. */
  readonly seeds: readonly number[];
}

/**
 * The epochs of rooms that have a record.
 *
 * A renewal gives all rooms another epoch by one key: the seed that the epochs come from. A record says of how many renewals
 * it knows. One that knows of fewer was not written since, so what it says of the room's top was true at each of the
 * others. See docs/decisions/0029-an-epoch-for-each-room.md.
 */
export class RoomEpochs {
  private known: Renewals | undefined;

  constructor(private readonly store: Pick<Store, "epoch" | "meta">) {}

  /** A record with the epoch that its room has now, and those that it had before. */
  decode(room: RoomId, bytes: Uint8Array): RoomRecord {
    const { epoch = this.store.epoch, lineage, renewals, ...stored } = decodeRoomRecord(bytes);
    const { count, seeds } = this.renewals();
    const missed = renewals < count ? seeds.slice(renewals - count) : [];
    const epochs = [epoch, ...missed.map((seed) => epochFrom(seed, room))];
    const earlier = epochs.slice(0, -1).map((each) => ({ epoch: each, top: stored.newest }));
    const all = boundedLineage([...lineage, ...earlier]);
    return { ...stored, epoch: epochs.at(-1) ?? epoch, ...(all.length > 0 && { lineage: all }) };
  }

  /** The epoch of the log itself, which its files name; `before`: the one that the last renewal has replaced. */
  get logEpochs(): { readonly now: number; readonly before: number | undefined } {
    const [now = this.store.epoch, before] = [this.store.epoch, ...this.renewals().seeds].reverse();
    return { now, before };
  }

  encode(record: RoomRecord): Buffer {
    return encodeRoomRecord(record, this.renewals().count);
  }

  /** Give all rooms that have a record another epoch, in the write that is being made. */
  renew(seed: number): void {
    const { count, seeds } = this.renewals();
    const kept = [...seeds, seed].slice(-maxEarlierEpochs - 1);
    void this.store.meta.put(renewalsKey, numbers(count + 1, ...kept));
  }

  /** Read once: renewals are made while a log is opened, before it is used. */
  private renewals(): Renewals {
    this.known ??= renewalsFrom(this.store.meta.get(renewalsKey));
    return this.known;
  }
}

function renewalsFrom(bytes: Buffer | undefined): Renewals {
  const [count = 0, ...seeds] = numbersIn(bytes ?? Buffer.alloc(0));
  return { count, seeds };
}

/** Numbers of 32 bits, as they are stored one after another. */
export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export function numbersIn(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length >> 2 }, (_, index) => bytes.readUInt32BE(4 * index));
}
