import { formatPosition, type Position } from "@confab/contract";
import {
  type Appended,
  type Block,
  type EarlierEpoch,
  type KeptBounds,
  type LogEntry,
  type LogPage,
  type NewEntry,
  narrowest,
  numbersOf,
  outOfRange,
  type PageBounds,
  type Retention,
  type RoomId,
  type RoomLog,
  type RoomRetention,
  type RoomState,
  type RoomSummary,
  retentionFrom,
  runBackward,
  runForward,
  type ScanningShare,
} from "../../core/index.js";
import type { Keys } from "./keys.js";
import type { KnownTops } from "./known-tops.js";
import type { MemberKeys } from "./members/member-keys.js";
import { newEpoch } from "./new-epoch.js";
import { confabErrorFromRedis, newerRoomIn } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import type { RoomAppends } from "./room-appends.js";
import type { RoomErasures } from "./room-erasures.js";
import type { RoomIndex } from "./room-index.js";
import { checkFormatScript } from "./scripts/check-format.js";
import { deleteRoomScript } from "./scripts/delete-room.js";
import { openRoomScript } from "./scripts/open-room.js";
import { readScript } from "./scripts/read.js";
import { earlierBytes } from "./scripts/room-record.js";
import { setRetentionScript } from "./scripts/set-retention.js";

/** How long a room that nobody wrote to keeps its epoch after somebody last looked, in milliseconds. */
const emptyRoomTtlMs = 3_600_000;

interface Page {
  readonly direction: "forward" | "backward";
  readonly from: number;
  readonly bounds: PageBounds;
}

const noMessages: Page = { direction: "forward", from: 1, bounds: { maxEntries: 0, maxBytes: 0 } };

export interface RedisLogDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly memberKeys: Pick<MemberKeys, "idle">;
  readonly appends: RoomAppends;
  readonly erasures: RoomErasures;
  readonly index: RoomIndex;
  readonly tops: KnownTops;
  /** Of the configuration. */
  readonly retention: RoomRetention;
  /** Messages of a room were erased, or may have been. */
  readonly erased: (room: RoomId) => void;
  /** A room was removed, or may have been. */
  readonly removed: (room: RoomId) => void;
}

/** The log in Redis: a stream for each room, and a record that outlives its messages. */
export class RedisLog implements RoomLog {
  constructor(private readonly deps: RedisLogDeps) {}

  async append(room: RoomId, entry: NewEntry): Promise<Appended> {
    const [appended] = await this.deps.appends.append(room, [entry]);
    return appended as Appended;
  }

  appendAll(room: RoomId, entries: readonly NewEntry[], expected?: Position): Promise<readonly Appended[]> {
    return this.deps.appends.append(room, entries, expected);
  }

  async erase(room: RoomId, epoch: number, bodies: readonly LogEntry[], share?: ScanningShare): Promise<void> {
    const { tops, erasures, erased } = this.deps;
    let missing: number | undefined;
    try {
      await tops.verified(room);
      missing = await erasures.erase(room, epoch, bodies, share);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    } finally {
      erased(room);
    }
    if (missing === undefined) return;
    const position = formatPosition({ epoch, offset: missing });
    throw outOfRange(room, await this.state(room), `there is no message at position ${position}`);
  }

  async remove(room: RoomId): Promise<number> {
    const { link, keys, memberKeys, index, removed } = this.deps;
    const { log, meta, ids, marks, copy, copying, channel } = keys.of(room);
    const all = [meta, channel, log, ...ids, marks, copy, copying, memberKeys.idle(room)];
    try {
      const messages = Number(await link.run(deleteRoomScript, all, [], true));
      // Also if it was gone: the node that removed it may have been stopped before this.
      await index.remove(room, async () => (await link.send(meta, ["EXISTS", meta])) === 1);
      return messages;
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    } finally {
      removed(room);
    }
  }

  async setRetention(room: RoomId, retention: Retention): Promise<void> {
    const { link, keys, index } = this.deps;
    const { meta } = keys.of(room);
    let reply: unknown;
    try {
      await index.addBounded(room);
      reply = await link.run(setRetentionScript, [meta], numbersOf(retention).map(String), true);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    }
    if (reply !== 1) throw outOfRange(room, await this.state(room), "a room without a message has no bounds");
  }

  async retentionOf(room: RoomId): Promise<KeptBounds> {
    const { link, keys, retention } = this.deps;
    const { log, meta } = keys.of(room);
    try {
      const reply = await link.run(readScript, [log, meta], ["forward", "1", "0", "0"]);
      const [epoch, , , , earlier] = reply as ReadReply;
      const own = epoch === undefined ? {} : retentionFrom(boundsIn(earlier));
      return { own, effective: narrowest(own, retention.of(room)) };
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  async state(room: RoomId): Promise<RoomState> {
    const { run: _, ...state } = await this.read(room, noMessages);
    return state;
  }

  async readForward(room: RoomId, after: number, bounds: PageBounds): Promise<LogPage> {
    return this.read(room, { direction: "forward", from: after + 1, bounds });
  }

  async readBackward(room: RoomId, before: number, bounds: PageBounds): Promise<LogPage> {
    return this.read(room, { direction: "backward", from: before - 1, bounds });
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly RoomSummary[]> {
    const found: RoomSummary[] = [];
    try {
      for (let last = after; found.length < limit; ) {
        const names = await this.deps.index.page(prefix, last, limit);
        const states = await Promise.all(names.map((room) => this.tryList(room)));
        for (const [at, state] of states.entries()) {
          const room = names[at];
          // In the index, and its first message was refused or is still on its way; or too new for this node.
          if (room === undefined || state === undefined || state.newest === 0 || found.length === limit) continue;
          const { run: _, ...summary } = state;
          found.push({ room, ...summary });
        }
        if (names.length < limit) break;
        last = names.at(-1) ?? "";
      }
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
    return found;
  }

  /** @throws NEWER_FORMAT, ENGINE_UNAVAILABLE */
  async refuseNewer(room: RoomId): Promise<void> {
    const { link, keys } = this.deps;
    try {
      await link.run(checkFormatScript, [keys.of(room).meta], []);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  private async read(room: RoomId, page: Page): Promise<LogPage> {
    try {
      for (;;) {
        const read = await this.tryRead(room, page);
        if (read) return read;
        const { log, meta, ids, marks } = this.deps.keys.of(room);
        await this.deps.link.run(openRoomScript, [log, meta, ...ids, marks], [newEpoch(), String(emptyRoomTtlMs)]);
      }
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  /** As `tryRead`; undefined also for a room of a later format: the others can be listed. */
  private async tryList(room: RoomId): Promise<LogPage | undefined> {
    try {
      return await this.tryRead(room, noMessages);
    } catch (thrown) {
      if (newerRoomIn(thrown)) return undefined;
      throw thrown;
    }
  }

  /** Undefined: the room has no record. */
  private async tryRead(room: RoomId, { direction, from, bounds }: Page): Promise<LogPage | undefined> {
    await this.deps.tops.verified(room);
    const { log, meta } = this.deps.keys.of(room);
    const args = [direction, String(from), String(bounds.maxEntries), String(bounds.maxBytes)];
    const reply = await this.deps.link.run(readScript, [log, meta], args);
    const [epoch, oldest, newest, digest, earlier, ...blocks] = reply as ReadReply;
    if (epoch === undefined) return undefined;
    if (digest.length > 0) this.deps.tops.noteDigest(room, epoch, newest, digest.toString("latin1"));
    // They may hold messages that were trimmed already.
    const run =
      direction === "forward"
        ? runForward(blocksFrom(blocks), { from: Math.max(from, oldest), to: newest }, bounds)
        : runBackward(blocksFrom(blocks), { from: oldest, to: Math.min(from, newest) }, bounds);
    const epochs = earlier.length > 0 ? earlierEpochsIn(earlier) : [];
    const lineage = epochs.length > 0 ? { lineage: epochs } : {};
    return { epoch, ...lineage, oldest, newest, messages: newest - oldest + 1, run };
  }
}

type ReadReply = readonly [number, number, number, Buffer, Buffer, ...unknown[]];

/** The end of a record: see scripts/room-record.ts. */
export function earlierEpochsIn(bytes: Buffer): EarlierEpoch[] {
  return pairsIn(bytes).filter(({ epoch }) => epoch !== 0);
}

/** The room's own bounds in it, as `numbersOf` has them. */
function boundsIn(bytes: Buffer): number[] {
  return pairsIn(bytes).flatMap(({ epoch, top }) => (epoch === 0 ? [top] : []));
}

function pairsIn(bytes: Buffer): EarlierEpoch[] {
  return Array.from({ length: Math.floor(bytes.length / earlierBytes) }, (_, index) => ({
    epoch: bytes.readUInt32BE(index * earlierBytes),
    top: bytes.readDoubleBE(index * earlierBytes + 4),
  }));
}

/** The blocks that the script gives: last offset, count and bytes of each. */
function* blocksFrom(reply: readonly unknown[]): Iterable<Block> {
  for (let at = 0; at + 2 < reply.length; at += 3) {
    const [last, count, bytes] = reply.slice(at, at + 3) as [number, number, Buffer];
    yield { first: last - count + 1, last, bytes };
  }
}
