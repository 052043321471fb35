import type { Share } from "./share.js";

/**
 * What work costs, in units of about a microsecond on the machine that the bench runs on. They need not be right, only of
 * the right size: they decide when a connection's next step waits for others, and never whether it is done.
 */
export const cost = {
  /** A request or call: its head, its way to a handler, a short reply. */
  request: 20,
  /** A frame or message of a stream. */
  message: 10,
  /** An error: once when it is decided, so that a burst of refused requests waits, and once when it is encoded and sent. */
  error: 40,
  /** A token that was not seen before: its signature is verified. */
  token: 100,
  /** A call of a hook that does not answer at once. */
  hookCall: 20,
  /** A subscription: made, announced, entered into its room. */
  subscribe: 60,
  /** An entry that is read from the log and put into a reply; and 1,024 bytes of it, from the log to the socket. */
  entry: { proto: 4, json: 10 },
  entryKib: { proto: 5, json: 10 },
  /** A piece of a log that is looked through: to ask for it. Its bytes count as copied. */
  scannedPiece: 20,
  /** An entry that is compared with a filter. */
  filteredEntry: 0.1,
  /** A block of a room that Redis writes again for an erasure, and 1,024 bytes of it: Redis's time, which all nodes share. */
  rewrittenBlock: 15,
  rewrittenKib: 2,
  /** A room or member that is read and put into a reply. */
  listed: { proto: 10, json: 15 },
  /** A read mark that is read beside it. */
  readMark: 10,
  /** A connection with what it reads, for an operator: made into a question's answer, read there, and put into a reply. */
  listedConnection: { proto: 40, json: 60 },
  /** 1,024 bytes that are parsed and checked. */
  parsedKib: { proto: 4, json: 20 },
  /** 1,024 bytes that are copied, joined, compressed or decompressed by the way. */
  copiedKib: 1,
  inflatedKib: 4,
} as const;

/** Account for a message that is parsed. */
export function spendParsed(share: Share, format: "proto" | "json", bytes: number): void {
  share.spend(cost.message + (bytes * cost.parsedKib[format]) / 1_024);
}
