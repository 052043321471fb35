import { createHash } from "node:crypto";

/** A Lua script, which Redis runs without anything else in between. */
export interface Script {
  readonly source: string;
  /** What EVALSHA calls it by. */
  readonly sha1: string;
}

export function script(source: string): Script {
  return { source, sha1: createHash("sha1").update(source).digest("hex") };
}
