import { randomFillSync } from "node:crypto";
import type { Clock, Ids, Turns } from "../core/index.js";

// What core needs of the platform, in the real world.

export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

export const eventLoop: Turns = {
  afterTurn: (run) => void setImmediate(run),
  afterMs: (ms, run) => void setTimeout(run, ms).unref(),
};

/** Random bytes are drawn for many ids at once: one call to the system for each would be the dearest part of an id. */
const pool = Buffer.allocUnsafe(10 * 256);
let poolAt = pool.length;

const digits = Buffer.from("0123456789abcdef");
/** The id that was made last; its time is written again only when that has changed. */
const text = Buffer.from("00000000-0000-7000-8000-000000000000");
/** Where the random digits of an id are: those of a byte each, after the four that have a digit of another meaning. */
const placesOfBytes = [21, 24, 26, 28, 30, 32, 34];
let textMs = 0;

export const randomIds: Ids = {
  messageId(nowMs) {
    if (poolAt === pool.length) {
      randomFillSync(pool);
      poolAt = 0;
    }
    // RFC 9562 §5.7: 48 bits of time, version 7, 12 random bits, variant 10, 62 random bits.
    if (nowMs !== textMs) {
      const time = nowMs.toString(16).padStart(12, "0");
      text.write(`${time.slice(0, 8)}-${time.slice(8)}`, 0, "latin1");
      textMs = nowMs;
    }
    text[15] = digits[pool.readUInt8(poolAt) & 15] as number;
    writeByte(16, pool.readUInt8(poolAt + 1));
    writeByte(19, (pool.readUInt8(poolAt + 2) & 0x3f) | 0x80);
    let at = poolAt + 3;
    for (const place of placesOfBytes) writeByte(place, pool[at++] as number);
    poolAt += 10;
    return text.toString("latin1");
  },
};

function writeByte(place: number, byte: number): void {
  text[place] = digits[byte >>> 4] as number;
  text[place + 1] = digits[byte & 15] as number;
}
