import { randomInt } from "node:crypto";
import type {
  Appended,
  LogEntry,
  LogPage,
  NewEntry,
  PageBounds,
  RoomId,
  RoomLog,
  RoomState,
  RoomSummary,
} from "../../core/index.js";
import type { Keys } from "./keys.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import type { RoomAppends } from "./room-appends.js";
import type { RoomIndex } from "./room-index.js";
import { openRoomScript } from "./scripts/open-room.js";
import { readScript } from "./scripts/read.js";

/** How long a room that nobody wrote to keeps its epoch after somebody last looked, in milliseconds. */
const emptyRoomTtlMs = 3_600_000;

/** A random epoch; 0 is none. */
export function newEpoch(): string {
  return String(randomInt(1, 2 ** 32));
}

interface Page {
  readonly direction: "forward" | "backward";
  readonly from: number;
  readonly bounds: PageBounds;
}

const noEntries: Page = { direction: "forward", from: 1, bounds: { maxEntries: 0, maxBytes: 0 } };

/** The log in Redis: a stream for each room, and a record that outlives its messages. */
export class RedisLog implements RoomLog {
  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly appends: RoomAppends,
    private readonly index: RoomIndex,
  ) {}

  append(room: RoomId, entry: NewEntry): Promise<Appended> {
    return this.appends.append(room, entry);
  }

  async state(room: RoomId): Promise<RoomState> {
    const { entries: _, ...state } = await this.read(room, noEntries);
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
        const names = await this.index.page(prefix, last, limit);
        const states = await Promise.all(names.map((room) => this.tryRead(room, noEntries)));
        for (const [at, state] of states.entries()) {
          const room = names[at];
          // Listed, and its first message refused or still on its way.
          if (room === undefined || state === undefined || state.newest === 0 || found.length === limit) continue;
          const { entries: _, ...summary } = state;
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

  private async read(room: RoomId, page: Page): Promise<LogPage> {
    try {
      for (;;) {
        const read = await this.tryRead(room, page);
        if (read) return read;
        const keys = [this.keys.log(room), this.keys.meta(room), ...this.keys.ids(room)];
        await this.link.run(openRoomScript, keys, [newEpoch(), String(emptyRoomTtlMs)]);
      }
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  /** Undefined: the room has no record. */
  private async tryRead(room: RoomId, { direction, from, bounds }: Page): Promise<LogPage | undefined> {
    const reply = await this.link.run(
      readScript,
      [this.keys.log(room), this.keys.meta(room)],
      [direction, String(from), String(bounds.maxEntries), String(bounds.maxBytes)],
    );
    const [epoch, oldest, newest, ...pairs] = reply as [Buffer, number, number, ...Buffer[]];
    if (epoch === undefined) return undefined;
    const entries: LogEntry[] = [];
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const body = pairs[at + 1];
      if (body) entries.push({ offset: offsetFromId(pairs[at]), body });
    }
    const page = { epoch: Number(epoch.toString("latin1")), oldest, newest, messages: newest - oldest + 1 };
    return direction === "forward" ? { ...page, entries } : { ...page, entries: entries.reverse() };
  }
}

/** The first part of a stream's id, which is the offset; the second is when it was sent. */
function offsetFromId(id: Buffer | undefined): number {
  return Number.parseInt(id?.toString("latin1") ?? "", 10);
}
