import { type ListRoomsRequest, ListRoomsRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import type { MemberCounts, RoomSummary } from "../../core/index.js";
import { type ListingForm, readListing } from "./listing.js";
import type { Operation } from "./operation.js";

/** A room, and how many read it. */
export type ListedRoom = RoomSummary & MemberCounts;

/** List rooms by name. Resolves with the name that the next page comes after. @throws ENGINE_UNAVAILABLE */
export const rooms: Operation<ListRoomsRequest, ListRoomsRequest, Promise<string>, [form: ListingForm<ListedRoom>]> = {
  action: "list",
  check: (asked) => {
    refuseViolations(violationsOf(ListRoomsRequestSchema, asked));
    return asked;
  },
  scopeOf: () => "some room",
  run: async ({ prefix, limit, page }, caller, { engine: { log, members }, rates }, form) =>
    readListing(
      {
        limit,
        page,
        read: (after, count) => log.list(prefix, after, count),
        nameOf: ({ room }) => room,
        isShown: ({ room }) => caller.principal.may("list", room),
        described: async (summaries) => {
          const counts = await members.counts(summaries.map(({ room }) => room));
          return summaries.map((summary, index) => ({ ...noMembers, ...summary, ...counts[index] }));
        },
      },
      form,
      rates?.reading(caller) ?? caller.share,
    ),
};

const noMembers: MemberCounts = { members: 0, subscribers: 0 };
