import { BodyFilter, ConfabError } from "@confab/contract";
import { type GetHistoryRequest, GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import {
  foldedPage,
  type HistoryBounds,
  type HistoryPage,
  type HistoryRequest,
  Run,
  readHistory,
  readsForward,
  roomIdFrom,
} from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { charged } from "./caller.js";
import type { ReadingShare } from "./caller-rates.js";
import { denied, type Operation, type WantedForm } from "./operation.js";

const defaultHistoryLimit = 50;

/**
 * Whether a reader could ask so that reads no history: where the room begins and ends, before it opens a stream there, and
 * whether anything follows its position. Both are answered in a room without history, the first without a message.
 */
function isReaders({ limit, before, isOldestFirst }: HistoryRequest): boolean {
  return limit === 1 && !before && !isOldestFirst;
}

/** What a page may take of the reply that it is for. */
export interface HistoryForm extends Omit<HistoryBounds, "share" | "mayScan">, WantedForm {}

/** A page, and perhaps where a subscription would begin. */
interface CheckedHistory extends HistoryRequest {
  /** Where one begins that asks for this many of the newest messages; 0: that is not asked. */
  readonly startOf: number;
  /** Whether the messages are wanted as they are now. */
  readonly isFolded: boolean;
}

/** Read a page of a room's log, as far as it fits into one reply. @throws OUT_OF_RANGE */
export const history: Operation<GetHistoryRequest, CheckedHistory, Promise<HistoryPage>, [form: HistoryForm]> = {
  action: "history",
  check: (asked) => {
    refuseViolations(violationsOf(GetHistoryRequestSchema, asked));
    const { room, after, before, limit, oldestFirst, changes, history, folded, filter } = asked;
    return {
      room: roomIdFrom(room),
      after: positionFrom(after),
      before: positionFrom(before),
      limit: limit || defaultHistoryLimit,
      isOldestFirst: oldestFirst,
      wantsChanges: changes,
      filter: BodyFilter.from(filter),
      startOf: history,
      isFolded: folded,
    };
  },
  scopeOf: ({ room }) => room,
  run: async (request, caller, { hub, engine, rooms, rates, audit }, form) => {
    const { room, limit, after, startOf, isFolded } = request;
    const { maxHistory } = rooms.of(room);
    if (maxHistory === 0 && !isReaders(request))
      throw charged(caller, audited(audit, { caller, action: "history", scope: room }, denied("history", room)));
    const share = whileWanted(rates?.reading(caller) ?? caller.share, form);
    const isScan = isFolded || startOf > 0;
    await form.begin(isScan);
    if (maxHistory === 0 && !after) {
      const state = await engine.log.state(room);
      return { ...state, run: new Run(state.oldest, []), hasMore: false };
    }
    if (request.filter && after && startOf === 0) {
      const state = await engine.log.state(room);
      // Silent readers ask this from time to time.
      if (hub.isQuietAfter(room, state, after, request.filter))
        return { ...state, run: new Run(state.oldest, []), hasMore: false };
    }
    const asked = { ...request, limit: Math.min(limit, maxHistory || 1) };
    let stored = await readHistory(engine.log, asked, { ...form, share, mayScan: isScan });
    if (stored.isCutShort) {
      await form.begin(true);
      stored = await readHistory(engine.log, asked, { ...form, share });
    }
    const page = isFolded
      ? await foldedPage({ log: engine.log, room, share }, stored, readsForward(request), form)
      : stored;
    if (startOf === 0) return page;
    return { ...page, start: await hub.beforeNewest(room, page, Math.min(startOf, maxHistory), share, request.filter) };
  },
};

/** The turns of a reading that ends when its client has gone. */
export function whileWanted(share: ReadingShare, { isOver }: Pick<WantedForm, "isOver">): ReadingShare {
  if (!isOver) return share;
  return {
    // Also of a connection's own share: what waits for others is told apart by it.
    caller: share.caller ?? share,
    begin: (units) => {
      if (isOver()) throw new ConfabError("CANCELLED", "the client has gone");
      return share.begin(units);
    },
    spend: (units) => share.spend(units),
  };
}
