import type { Position } from "@confab/contract";
import type { LogPage, PageBounds, RoomLog } from "./ports.js";
import { outOfRange, resumableOffset } from "./range.js";
import type { RoomId } from "./room-id.js";

export interface HistoryRequest {
  readonly room: RoomId;
  readonly after: Position | undefined;
  /** Excludes `after`. */
  readonly before: Position | undefined;
  readonly limit: number;
  /** Without a cursor: the oldest page instead of the newest. */
  readonly isOldestFirst: boolean;
}

export interface HistoryPage extends LogPage {
  /** More entries follow in the direction that was read. */
  readonly hasMore: boolean;
}

/** The bytes of one page: what one reply may hold in memory, whatever the number of messages asked for. */
const maxPageBytes = 4_194_304;

/**
 * One page of a room's log, oldest first. A page may hold fewer entries than `limit` when they are large; `hasMore` tells.
 *
 * @throws OUT_OF_RANGE: the cursor is of another epoch, past the end, or trimmed away.
 */
export async function readHistory(log: RoomLog, request: HistoryRequest): Promise<HistoryPage> {
  const { room, after, before } = request;
  const bounds: PageBounds = { maxEntries: request.limit, maxBytes: maxPageBytes };
  const state = await log.state(room);
  if (after || (request.isOldestFirst && !before)) {
    const offset = after ? resumableOffset(room, after, state) : state.oldest - 1;
    const page = await log.readForward(room, offset, bounds);
    // Between the two reads the room may have been trimmed: a page that begins later would hide it.
    if (after) resumableOffset(room, after, page);
    return { ...page, hasMore: (page.entries.at(-1)?.offset ?? page.newest) < page.newest };
  }
  const end = before ? before.offset : state.newest + 1;
  if (before && (before.epoch !== state.epoch || end > state.newest + 1 || end < state.oldest)) {
    throw outOfRange(room, state, "the page's end is not in the log");
  }
  const page = await log.readBackward(room, end, bounds);
  return { ...page, hasMore: (page.entries[0]?.offset ?? page.oldest) > page.oldest };
}
