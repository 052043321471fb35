import { type ListMembersRequest, ListMembersRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type Member, type RoomId, roomIdFrom } from "../../core/index.js";
import { audited } from "./audit.js";
import { charged } from "./caller.js";
import { type ListingForm, readListing } from "./listing.js";
import { denied, type Operation } from "./operation.js";

interface MembersAsked {
  readonly room: RoomId;
  readonly limit: number;
  readonly page: string;
}

export interface MembersEnd {
  /** The name that the next page comes after. */
  readonly nextPage: string;
  /** Members of the room, on all pages. */
  readonly total: number;
}

/** List a room's members by name. @throws ENGINE_UNAVAILABLE */
export const members: Operation<ListMembersRequest, MembersAsked, Promise<MembersEnd>, [form: ListingForm<Member>]> = {
  action: "members",
  check: (asked) => {
    refuseViolations(violationsOf(ListMembersRequestSchema, asked));
    return { room: roomIdFrom(asked.room), limit: asked.limit, page: asked.page };
  },
  scopeOf: ({ room }) => room,
  run: async ({ room, limit, page }, caller, { engine, rooms, rates, audit }, form) => {
    if (!rooms.of(room).hasPresence)
      throw charged(caller, audited(audit, { caller, action: "members", scope: room }, denied("members", room)));
    const share = rates?.reading(caller) ?? caller.share;
    const read = (after: string, count: number) => engine.members.page(room, after, count);
    const nextPage = await readListing(
      { limit, page, read, nameOf: ({ user }) => user, isShown: () => true, described: (found) => found },
      form,
      share,
    );
    const [counts] = await engine.members.counts([room]);
    return { nextPage, total: counts?.members ?? 0 };
  },
};
