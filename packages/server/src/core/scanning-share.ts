import { cost, type Share } from "../work/index.js";

/** Whose turns are taken by work that grows with a room: a log is looked through, or written again. */
export interface ScanningShare extends Pick<Share, "begin" | "spend"> {
  /** Whose it is, to tell callers apart; undefined: it is told by itself. */
  readonly caller?: object | undefined;
}

/** Units of blocks that an engine writes again for an erasure. */
export function unitsOfRewriting(blocks: number, bytes: number): number {
  return blocks * cost.rewrittenBlock + (bytes * cost.rewrittenKib) / 1_024;
}
