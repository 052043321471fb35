import { type GetHistoryRequest, GetHistoryRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import {
  type HistoryBounds,
  type HistoryPage,
  type HistoryRequest,
  readHistory,
  roomIdFrom,
} from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import type { LargeForm, Operation } from "./operation.js";

const defaultHistoryLimit = 50;

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
  run: async (request, caller, { engine, rates }, form) => {
    const share = rates?.reading(caller) ?? caller.share;
    await form.begin();
    return readHistory(engine.log, request, { ...form, share });
  },
};
