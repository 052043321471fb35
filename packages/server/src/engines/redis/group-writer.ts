import type { NewEntry, RoomId } from "../../core/index.js";
import type { AgeClock } from "./age-clock.js";
import { blockOf } from "./blocks.js";
import { dedupeDigest, type Keys } from "./keys.js";
import type { KnownTops } from "./known-tops.js";
import { newEpoch } from "./new-epoch.js";
import type { RedisLink } from "./redis-link.js";
import type { GroupOutcome } from "./room-appends.js";
import type { RoomIndex } from "./room-index.js";
import { appendScript } from "./scripts/append.js";
import type { Argument } from "./session.js";

/** How much of a room is kept. Undefined: without that bound. The newest message is always kept. */
export interface Retention {
  readonly maxMessages?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  /** Bytes of the stored messages, without Redis's own overhead. */
  readonly maxBytes?: number | undefined;
}

export interface GroupWriterDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly index: RoomIndex;
  readonly tops: KnownTops;
  readonly retention: Retention;
  readonly dedupeWindowMs: number;
  readonly ageClock: AgeClock;
  /** What to add to Redis's clock, in milliseconds; 0 but in tests. */
  readonly clockSkewMs: () => number;
}

const noBlock = Buffer.alloc(0);

/** Runs the append script for a group of sends to one room. */
export class GroupWriter {
  constructor(private readonly deps: GroupWriterDeps) {}

  /** @throws TOO_MANY_ROOMS, and what the link throws. */
  async write(room: RoomId, group: readonly NewEntry[]): Promise<GroupOutcome> {
    const { link, keys, index, tops } = this.deps;
    await index.reserve(room);
    await tops.verified(room);
    const { log, meta, ids, channel } = keys.of(room);
    const block = blockOf(group.map(({ body }) => body));
    const args: Argument[] = this.options(group.at(-1)?.sentAtMs ?? 0, group.length, block);
    if (group.some(({ dedupeKey }) => dedupeKey !== undefined)) args.push(...group.map(keyArgument));
    const outcome = outcomeFrom(await link.run(appendScript, [log, meta, ...ids, channel], args, true));
    const { epoch, topBefore, duplicates } = outcome;
    const added = duplicates.size === 0 ? block : blockOf(newBodies(group, duplicates));
    if (added.length > 0) tops.note(room, epoch, topBefore + group.length - duplicates.size, added);
    return outcome;
  }

  /** Trim a room to its bounds. @throws what the link throws. */
  async sweep(room: RoomId): Promise<void> {
    const { log, meta, ids, channel } = this.deps.keys.of(room);
    await this.deps.link.run(appendScript, [log, meta, ...ids, channel], this.options(0, 0, noBlock));
  }

  private options(sentAtMs: number, count: number, block: Buffer): Argument[] {
    const { retention, dedupeWindowMs, ageClock, clockSkewMs } = this.deps;
    const { maxMessages = 0, maxBytes = 0, maxAgeMs = 0 } = retention;
    const numbers = [maxMessages, maxBytes, maxAgeMs, dedupeWindowMs, clockSkewMs(), sentAtMs, count];
    return [newEpoch(), ...numbers.map(String), block, String(maxAgeMs === 0 ? 0 : ageClock.nowMs())];
  }
}

/** What the script remembers of a message with a dedupe key. */
function keyArgument({ dedupeKey, sentAtMs }: NewEntry): Argument {
  if (dedupeKey === undefined) return "";
  const argument = Buffer.allocUnsafe(24);
  argument.set(dedupeDigest(dedupeKey));
  argument.writeDoubleBE(sentAtMs, 16);
  return argument;
}

function newBodies(group: readonly NewEntry[], duplicates: GroupOutcome["duplicates"]): Uint8Array[] {
  return group.filter((_, index) => !duplicates.has(index)).map(({ body }) => body);
}

function outcomeFrom(reply: unknown): GroupOutcome {
  const [epoch, topBefore, ...pairs] = reply as [number, number, ...(number | Buffer)[]];
  const duplicates = new Map<number, { readonly offset: number; readonly sentAtMs: number }>();
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const place = pairs[at + 1];
    if (!Buffer.isBuffer(place)) throw new TypeError("the append script names the place of each duplicate");
    duplicates.set(Number(pairs[at]), { offset: place.readDoubleBE(0), sentAtMs: place.readDoubleBE(8) });
  }
  return { epoch, topBefore, duplicates };
}
