import { ConfabError, type Limits } from "@confab/contract";
import {
  type MarkedRoom,
  type MovedMark,
  outOfRange,
  type ReadMark,
  type ReadMarks,
  type RoomId,
  type RoomState,
} from "../../core/index.js";
import type { Keys } from "./keys.js";
import type { KnownTops } from "./known-tops.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { earlierEpochsIn } from "./redis-log.js";
import { moveMarkScript, readMarksScript, removeMarkScript } from "./scripts/read-marks.js";

export interface SharedMarksDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly tops: KnownTops;
  readonly limits: Pick<Limits, "maxReadMarksPerRoom" | "maxPendingSends">;
  /** Also of a room without a record, which gets one. @throws ConfabError */
  readonly state: (room: RoomId) => Promise<RoomState>;
}

/** What the scripts reply of a room, before the marks. */
type RoomReply = readonly [
  epoch: number,
  oldest: number,
  newest: number,
  earlier: Buffer,
  changes: number,
  trimmed: number,
];

/** Read marks in Redis, in the slot of their room. */
export class SharedMarks implements ReadMarks {
  /** Marks on their way to Redis. */
  private moving = 0;

  constructor(private readonly deps: SharedMarksDeps) {}

  of(user: string, rooms: readonly RoomId[]): Promise<readonly MarkedRoom[]> {
    return Promise.all(rooms.map((room) => this.read(room, `[${user}\0`, `(${user}\u0001`, 1)));
  }

  page(room: RoomId, after: string, limit: number): Promise<MarkedRoom> {
    // The counts stand before all marks.
    return this.read(room, `(${after}\u0001`, "+", limit);
  }

  async move(room: RoomId, { user, position, changes = 0, atMs }: ReadMark): Promise<MovedMark> {
    const { link, keys, tops, limits } = this.deps;
    if (this.moving >= limits.maxPendingSends) {
      const text = `${this.moving} read marks wait for Redis; maxPendingSends is ${limits.maxPendingSends}`;
      throw new ConfabError("OVERLOADED", text, { retryAfterMs: 1_000 });
    }
    const { log, meta, marks, channel } = keys.of(room);
    const numbers = [position.epoch, position.offset, changes, atMs, limits.maxReadMarksPerRoom];
    let reply: unknown;
    this.moving++;
    try {
      await tops.verified(room);
      reply = await link.run(moveMarkScript, [log, meta, marks, channel], [user, ...numbers.map(String)], true);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    } finally {
      this.moving--;
    }
    const replied = reply as readonly unknown[];
    if (replied.length === 1) {
      if (replied[0] === 0) throw outOfRange(room, await this.deps.state(room), "the room has gone or was replaced");
      const text = `room ${room} has ${Number(replied[0])} read marks; maxReadMarksPerRoom is ${limits.maxReadMarksPerRoom}`;
      throw new ConfabError("TOO_MANY_READ_MARKS", text);
    }
    const found = markedFrom(replied.slice(0, -1));
    const [mark] = found.marks;
    if (!mark) throw new TypeError("the script replies with the mark");
    return { ...found, mark, isMoved: replied.at(-1) === 1 };
  }

  async remove(user: string, rooms: readonly RoomId[]): Promise<void> {
    const { link, keys } = this.deps;
    try {
      await Promise.all(
        rooms.map((room) => {
          const { meta, marks, channel } = keys.of(room);
          return link.run(removeMarkScript, [meta, marks, channel], [user], true);
        }),
      );
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    }
  }

  private async read(room: RoomId, first: string, last: string, limit: number): Promise<MarkedRoom> {
    const { link, keys, tops } = this.deps;
    const { log, meta, marks } = keys.of(room);
    try {
      await tops.verified(room);
      const reply = await link.run(readMarksScript, [log, meta, marks], [first, last, String(limit)]);
      if ((reply as readonly unknown[]).length > 0) return markedFrom(reply as readonly unknown[]);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
    return { state: await this.deps.state(room), changes: { all: 0, trimmed: 0 }, marks: [] };
  }
}

function markedFrom(reply: readonly unknown[]): MarkedRoom {
  const [epoch, oldest, newest, earlier, all, trimmed] = reply as unknown as RoomReply;
  const lineage = earlier.length > 0 ? { lineage: earlierEpochsIn(earlier) } : {};
  const state = { epoch, ...lineage, oldest, newest, messages: newest - oldest + 1 };
  const marks = (reply.slice(6) as readonly Buffer[]).flatMap((member) => markFrom(member, state) ?? []);
  return { state, changes: { all, trimmed }, marks };
}

/** A member of the set (scripts/change-counts.ts); undefined: it is of another log. */
function markFrom(member: Buffer, { epoch, lineage = [] }: RoomState): ReadMark | undefined {
  const nul = member.indexOf(0);
  const user = member.toString("utf8", 0, nul);
  const [wasEpoch = 0, offset = 0, changes = 0, atMs = 0] = member
    .toString("latin1", nul + 1)
    .split(" ")
    .map(Number);
  const kept = wasEpoch === epoch ? offset : lineage.find((earlier) => earlier.epoch === wasEpoch)?.top;
  if (kept === undefined) return undefined;
  // Of what was lost, no more is read than what is left.
  const isKept = offset <= kept;
  const position = { epoch, offset: isKept ? offset : kept };
  return { user, position, changes: isKept ? changes : undefined, atMs };
}
