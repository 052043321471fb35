import type { NewEntry, RoomId } from "../../core/index.js";
import { dedupeDigest, type Keys } from "./keys.js";
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
  readonly retention: Retention;
  readonly dedupeWindowMs: number;
  /** What to add to Redis's clock, in milliseconds; 0 but in tests. */
  readonly clockSkewMs: () => number;
}

/** Runs the append script for a group of sends to one room. */
export class GroupWriter {
  constructor(private readonly deps: GroupWriterDeps) {}

  /** @throws TOO_MANY_ROOMS, and what the link throws. */
  async write(room: RoomId, group: readonly NewEntry[]): Promise<GroupOutcome> {
    const { link, keys, index } = this.deps;
    await index.reserve(room);
    const { log, meta, ids, channel } = keys.of(room);
    const args = this.options();
    for (const { body, sentAtMs, dedupeKey } of group) {
      args.push(asBuffer(body), String(sentAtMs), dedupeKey === undefined ? "" : dedupeDigest(dedupeKey));
    }
    return outcomeFrom(await link.run(appendScript, [log, meta, ...ids, channel], args, true));
  }

  /** Trim a room to its bounds. @throws what the link throws. */
  async sweep(room: RoomId): Promise<void> {
    const { log, meta, ids, channel } = this.deps.keys.of(room);
    await this.deps.link.run(appendScript, [log, meta, ...ids, channel], this.options());
  }

  private options(): Argument[] {
    const { retention, dedupeWindowMs, clockSkewMs } = this.deps;
    const { maxMessages = 0, maxBytes = 0, maxAgeMs = 0 } = retention;
    const numbers = [maxMessages, maxBytes, maxAgeMs, dedupeWindowMs, clockSkewMs()];
    return [newEpoch(), ...numbers.map(String)];
  }
}

function outcomeFrom(reply: unknown): GroupOutcome {
  const [epoch, topBefore, ...pairs] = reply as [Buffer, number, ...(number | Buffer)[]];
  const duplicates = new Map<number, { readonly offset: number; readonly sentAtMs: number }>();
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    // The id of the first message in the stream: its offset, and when it was sent.
    const [offset, sentAtMs] = String(pairs[at + 1])
      .split("-")
      .map(Number);
    duplicates.set(Number(pairs[at]), { offset: offset ?? 0, sentAtMs: sentAtMs ?? 0 });
  }
  return { epoch: Number(epoch.toString("latin1")), topBefore, duplicates };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
