import { type GetHistoryRequest, GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import {
  type HistoryBounds,
  type HistoryPage,
  type HistoryRequest,
  Run,
  readHistory,
  roomIdFrom,
} from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { charged } from "./caller.js";
import { denied, type LargeForm, type Operation } from "./operation.js";

const defaultHistoryLimit = 50;

/**
 * Whether a reader could ask so that reads no history: where the room begins and ends, before it opens a stream there, and
 * whether anything follows its position. Both are answered in a room without history, the first without a message.
 */
function isReaders({ limit, before, isOldestFirst }: HistoryRequest): boolean {
  return limit === 1 && !before && !isOldestFirst;
}

/** What a page may take of the reply that it is for. */
export type HistoryForm = Omit<HistoryBounds, "share"> & LargeForm;

/** Read a page of a room's log, as far as it fits into one reply. @throws OUT_OF_RANGE */
export const history: Operation<GetHistoryRequest, HistoryRequest, Promise<HistoryPage>, [form: HistoryForm]> = {
  action: "history",
  check: (asked) => {
    refuseViolations(violationsOf(GetHistoryRequestSchema, asked));
    const { room, after, before, limit, oldestFirst } = asked;
    return {
      room: roomIdFrom(room),
      after: positionFrom(after),
      before: positionFrom(before),
      limit: limit || defaultHistoryLimit,
      isOldestFirst: oldestFirst,
    };
  },
  scopeOf: ({ room }) => room,
  run: async (request, caller, { engine, rooms, rates, audit }, form) => {
    const { room, limit, after } = request;
    const { maxHistory } = rooms.of(room);
    if (maxHistory === 0 && !isReaders(request))
      throw charged(caller, audited(audit, { caller, action: "history", scope: room }, denied("history", room)));
    const share = rates?.reading(caller) ?? caller.share;
    await form.begin();
    if (maxHistory === 0 && !after) {
      const state = await engine.log.state(room);
      return { ...state, run: new Run(state.oldest, []), hasMore: false };
    }
    return readHistory(engine.log, { ...request, limit: Math.min(limit, maxHistory || 1) }, { ...form, share });
  },
};
