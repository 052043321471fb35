import { ConfabError, formatPosition, type Position, parsePosition } from "@confab/contract";
import type { CallOptions, Link, ListenRequest } from "./link.js";

/** Where a reading begins that was asked to begin with the newest messages, or with none of them. */
export interface Start {
  /** Everything after this position follows. */
  readonly position: string;
  /** The newest position of the room at that time. */
  readonly newest: string;
}

/** The bound of `User.history` (message.proto). */
const maxHistory = 1_000;

/**
 * Ask where a reading begins, by a unary call. The stream is then opened after that position, so a stream that begins late,
 * or is opened again, loses nothing.
 *
 * A stream's own head says the same, but it may come late: Firefox shows a response to the page only with the first byte of
 * its body, which in a quiet room is the next message.
 *
 * @throws INVALID_MESSAGE: `history` is out of its range; the server would say the same. What `link.history` throws.
 */
export async function startOf(
  link: Pick<Link, "history">,
  { room, history = 0, filter }: Pick<ListenRequest, "room" | "history" | "filter">,
  options?: CallOptions,
): Promise<Start> {
  if (!Number.isInteger(history) || history < 0 || history > maxHistory)
    throw new ConfabError("INVALID_MESSAGE", `history must be an integer from 0 to ${maxHistory}, got ${history}`);
  // One message is the smallest page there is; only the two ends of the log are needed.
  const page = await link.history({ room, limit: 1, ...(history > 0 && { history, filter }) }, options);
  if (page.start !== undefined) return { position: page.start, newest: page.newest };
  const [oldest, newest] = [parsedPosition(page.oldest), parsedPosition(page.newest)];
  // Also of a server that does not count changes apart.
  const offset = Math.max(oldest.offset - 1, newest.offset - history);
  return { position: formatPosition({ epoch: newest.epoch, offset }), newest: page.newest };
}

/** @throws PROTOCOL_VIOLATION: it is not a position. */
export function parsedPosition(text: string): Position {
  const position = parsePosition(text);
  if (!position)
    throw new ConfabError("PROTOCOL_VIOLATION", `the server's position ${JSON.stringify(text)} is invalid`);
  return position;
}
