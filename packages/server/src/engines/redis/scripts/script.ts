import { createHash } from "node:crypto";

/** A Lua script, which Redis runs without anything else in between. */
export interface Script {
  readonly source: string;
  /** What EVALSHA calls it by. */
  readonly sha1: string;
}

/** As many digits of a body's SHA-1 as tell two messages at one place apart. */
export const digestLength = 12;

export function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}
