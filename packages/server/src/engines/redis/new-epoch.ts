import { randomInt } from "node:crypto";

/** An epoch for a log that may have to begin; 0 is none. By the node: chance in a script of Redis is the same every time. */
export function newEpoch(): string {
  return String(randomInt(1, 2 ** 32));
}
