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

export const randomIds: Ids = {
  messageId(nowMs) {
    if (poolAt === pool.length) {
      randomFillSync(pool);
      poolAt = 0;
    }
    // RFC 9562 §5.7: 48 bits of time, version 7, 12 random bits, variant 10, 62 random bits.
    const time = nowMs.toString(16).padStart(12, "0");
    const versioned = (pool.readUInt16BE(poolAt) & 0x0fff) | 0x7000;
    const variant = (pool.readUInt8(poolAt + 2) & 0x3f) | 0x80;
    const random = pool.toString("hex", poolAt + 3, poolAt + 10);
    poolAt += 10;
    return `${time.slice(0, 8)}-${time.slice(8)}-${versioned.toString(16)}-${variant.toString(16)}${random.slice(0, 2)}-${random.slice(2)}`;
  },
};
