import { formatPosition, isChange, type Position } from "@confab/contract";
import {
  blockOf,
  type LogSize,
  type NewEntry,
  offsetHere,
  type RoomId,
  type RoomRetention,
  type RoomState,
  unexpectedPosition,
} from "../../core/index.js";
import type { AgeClock } from "./age-clock.js";
import { dedupeDigest, type Keys } from "./keys.js";
import type { KnownTops } from "./known-tops.js";
import { newEpoch } from "./new-epoch.js";
import type { RedisLink } from "./redis-link.js";
import type { GroupOutcome } from "./room-appends.js";
import type { RoomIndex } from "./room-index.js";
import { appendScript } from "./scripts/append.js";
import type { Argument } from "./session.js";

export interface GroupWriterDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly index: RoomIndex;
  readonly size: LogSize;
  readonly tops: KnownTops;
  readonly retention: RoomRetention;
  readonly dedupeWindowMs: number;
  readonly ageClock: AgeClock;
  /** @throws ConfabError: Redis cannot say it now. */
  readonly state: (room: RoomId) => Promise<RoomState>;
  /** What to add to Redis's clock, in milliseconds; 0 but in tests. */
  readonly clockSkewMs: () => number;
}

/** What the script answers instead of an epoch where there is no room. */
const noRoomEpoch = 0;
/** The same where the room is not at the expected position; and where it does not have what an entry is about. */
const unexpectedEpoch = -1;
const elsewhereEpoch = -2;

const noBlock = Buffer.alloc(0);

/** Runs the append script for a group of sends to one room. */
export class GroupWriter {
  constructor(private readonly deps: GroupWriterDeps) {}

  /** @see RoomAppendsDeps.write @throws UNEXPECTED_POSITION, TOO_MANY_ROOMS, STORAGE_FULL, and what the link throws. */
  async write(
    room: RoomId,
    group: readonly NewEntry[],
    expected?: Position,
  ): Promise<GroupOutcome | "elsewhere" | undefined> {
    const { link, index, tops, size } = this.deps;
    size.refuseFull();
    const isAllowed = group[0]?.refuseFirst === undefined;
    // A room at a position exists. For one that is expected to be empty no name is listed before it is known to be that.
    const mayMake = isAllowed && (expected === undefined || expected.offset === 0);
    if (mayMake && expected) {
      const state = await this.deps.state(room);
      if (state.newest === 0 && state.epoch !== expected.epoch) throw unexpectedPosition(room, state, expected);
    }
    if (mayMake) await index.reserve(room);
    await tops.verified(room);
    const block = bufferOf(group.map(({ body }) => body));
    const args: Argument[] = this.options(room, { group, block, mayMake, expected });
    if (group.some(({ dedupeKey }) => dedupeKey !== undefined)) args.push(...group.map(keyArgument));
    const outcome = outcomeFrom(await link.run(appendScript, this.keysFor(room), args, true));
    const { epoch, topBefore, duplicates } = outcome;
    if (epoch === elsewhereEpoch) return "elsewhere";
    if (epoch === noRoomEpoch && !isAllowed) return undefined;
    if (expected && (epoch === noRoomEpoch || epoch === unexpectedEpoch)) {
      const state = await this.deps.state(room);
      const isRenamed = expected.epoch !== state.epoch && offsetHere(expected, state) === state.newest;
      if (!isRenamed) throw unexpectedPosition(room, state, expected);
      return this.write(room, group, { epoch: state.epoch, offset: state.newest });
    }
    // The room was listed when it was made; this is for an index that was lost since. Should it fail, the next message asks.
    if (!mayMake) index.reserve(room)?.catch(() => undefined);
    // While the room was being made, its name may have been taken off the index for one that was gone.
    if (topBefore === 0) index.listAgain(room);
    const added = duplicates.size === 0 ? block : bufferOf(newBodies(group, duplicates));
    size.add(added.length);
    if (added.length > 0) tops.note(room, epoch, topBefore + group.length - duplicates.size, added);
    return { ...outcome, added };
  }

  /** Trim a room to its bounds. Resolves to whether all its messages are past their age. @throws what the link throws. */
  async sweep(room: RoomId): Promise<boolean> {
    const args = this.options(room, { group: [], block: noBlock, mayMake: true });
    const reply = await this.deps.link.run(appendScript, this.keysFor(room), args);
    return (reply as number[])[2] === 1;
  }

  private options(room: RoomId, { group, block, mayMake, expected }: ScriptGroup): Argument[] {
    const { retention, dedupeWindowMs, ageClock, clockSkewMs } = this.deps;
    const { maxMessages = 0, maxBytes = 0, maxAgeMs = 0 } = retention.of(room);
    const sentAtMs = group.at(-1)?.sentAtMs ?? 0;
    const numbers = [maxMessages, maxBytes, maxAgeMs, dedupeWindowMs, clockSkewMs(), sentAtMs, group.length];
    // Also without an age here: the room may have its own.
    const ageNowMs = String(ageClock.nowMs());
    const position = expected ? formatPosition(expected) : "";
    const about = furthestAbout(group);
    const changes = `${changesIn(group)}${about ? ` ${about.epoch} ${about.offset}` : ""}`;
    return [newEpoch(), ...numbers.map(String), block, ageNowMs, mayMake ? "" : "1", position, changes];
  }

  private keysFor(room: RoomId): string[] {
    const { log, meta, ids, channel, marks } = this.deps.keys.of(room);
    return [log, meta, ...ids, channel, marks];
  }
}

function changesIn(group: readonly NewEntry[]): number {
  let changes = 0;
  for (const { body } of group) if (isChange(body)) changes++;
  return changes;
}

/** The entry with the greatest offset that one of them is about. They name one epoch. */
function furthestAbout(group: readonly NewEntry[]): Position | undefined {
  let furthest: Position | undefined;
  for (const { about } of group) if (about && about.offset > (furthest?.offset ?? 0)) furthest = about;
  return furthest;
}

/** A block, as the library takes it. */
function bufferOf(bodies: readonly Uint8Array[]): Buffer {
  const { buffer, byteOffset, byteLength } = blockOf(bodies);
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What one run of the script appends. */
interface ScriptGroup {
  readonly group: readonly NewEntry[];
  readonly block: Buffer;
  readonly mayMake: boolean;
  readonly expected?: Position | undefined;
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

function outcomeFrom(reply: unknown): Omit<GroupOutcome, "added"> {
  const [epoch, topBefore, ...pairs] = reply as [number, number, ...(number | Buffer)[]];
  const duplicates = new Map<number, { readonly offset: number; readonly sentAtMs: number }>();
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const place = pairs[at + 1];
    if (!Buffer.isBuffer(place)) throw new TypeError("the append script names the place of each duplicate");
    duplicates.set(Number(pairs[at]), { offset: place.readDoubleBE(0), sentAtMs: place.readDoubleBE(8) });
  }
  return { epoch, topBefore, duplicates };
}
