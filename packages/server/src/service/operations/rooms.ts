import { type ListRoomsRequest, ListRoomsRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import type { ListedMark, MemberCounts, RoomId, RoomSummary } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { type ListingForm, readListing } from "./listing.js";
import type { Operation } from "./operation.js";
import { refusalOfName } from "./principal.js";

/** A room, and how many read it; and how far the reader that was asked about has read it. */
export type ListedRoom = RoomSummary & MemberCounts & { readonly mark?: ListedMark | undefined };

/** List rooms by name. Resolves with the name that the next page comes after. @throws ENGINE_UNAVAILABLE */
export const rooms: Operation<ListRoomsRequest, ListRoomsRequest, Promise<string>, [form: ListingForm<ListedRoom>]> = {
  action: "list",
  check: (asked) => {
    refuseViolations(violationsOf(ListRoomsRequestSchema, asked));
    return asked;
  },
  scopeOf: () => "some room",
  userOf: ({ reader }) => reader,
  run: async ({ prefix, limit, page, reader }, caller, { engine: { log, members }, hub, rates }, form) => {
    const share = rates?.reading(caller) ?? caller.share;
    const marksOf = async (names: readonly RoomId[]) => {
      const { principal } = caller;
      const isReadable = (room: RoomId) =>
        principal.may("read", room) && refusalOfName(principal, reader, room) === undefined;
      const readable = reader === "" ? [] : names.filter(isReadable);
      const marks = await hub.marks.of(reader, readable, share);
      return new Map(marks.map((mark) => [mark.room, mark]));
    };
    return readListing(
      {
        limit,
        page,
        read: (after, count) => log.list(prefix, after, count),
        nameOf: ({ room }) => room,
        isShown: ({ room }) => caller.principal.may("list", room),
        described: async (summaries) => {
          const names = summaries.map(({ room }) => room);
          const [counts, marks] = [await members.counts(names), await marksOf(names)];
          return summaries.map((summary, index) => ({
            ...noMembers,
            ...summary,
            ...counts[index],
            mark: marks.get(summary.room),
          }));
        },
      },
      reader === "" ? form : { ...form, unitsPerItem: form.unitsPerItem + cost.readMark },
      share,
    );
  },
};

const noMembers: MemberCounts = { members: 0, subscribers: 0 };
