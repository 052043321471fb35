import type { CallTarget } from "../service/index.js";
import { Work } from "../work/index.js";

/** What an operation is called for, for tests without a transport: replies are read at once. */
export function callTarget(): CallTarget {
  return { share: new Work({ nowMs: () => 0 }).share(), isOver: false, hold: (room) => room.release() };
}
