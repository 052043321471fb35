import { type EraseUserRequest, EraseUserRequestSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type ErasedUser, type ErasurePlace, roomIdFrom } from "../../core/index.js";
import { whileWanted } from "./history.js";
import type { Operation, WantedForm } from "./operation.js";

interface Erasure {
  readonly user: string;
  readonly from: ErasurePlace | undefined;
}

/** Erase a user from all rooms, a bounded part in each call. @throws what `Hub.eraseUser` throws. */
export const eraseUser: Operation<EraseUserRequest, Erasure, Promise<ErasedUser>, [form: WantedForm]> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(EraseUserRequestSchema, asked));
    return { user: asked.user, from: placeFrom(asked.page) };
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ user, from }) => ({
    operation: "erase user",
    erasedUser: user,
    ...(from && { from: pageFrom(from) }),
  }),
  auditOutcome: ({ messages, changes, unreadable }) => ({ messages, changes, ...(unreadable > 0 && { unreadable }) }),
  run: async ({ user, from }, caller, { hub, rates }, form) => {
    await form.begin(true);
    return hub.eraseUser({ user, from, share: whileWanted(rates?.reading(caller) ?? caller.share, form) });
  },
};

/** The contract has checked its form. */
function placeFrom(page: string): ErasurePlace | undefined {
  if (page === "") return undefined;
  const [room = "", epoch, offset] = page.split(":");
  return { room: roomIdFrom(room), epoch: Number(epoch), offset: Number(offset) };
}

/** As `EraseUserRequest.page`; of no place: empty. */
export function pageFrom(place: ErasurePlace | undefined): string {
  return place ? `${place.room}:${place.epoch}:${place.offset}` : "";
}
