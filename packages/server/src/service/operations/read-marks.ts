import type { Position } from "@confab/contract";
import {
  type ListReadMarksRequest,
  ListReadMarksRequestSchema,
  type MarkReadRequest,
  MarkReadRequestSchema,
} from "@confab/contract/gen/confab/v1/read_mark_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type ListedMark, type RoomId, roomIdFrom } from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { charged } from "./caller.js";
import { type ListingForm, readListing } from "./listing.js";
import { denied, type Operation } from "./operation.js";
import { refusalOfName } from "./principal.js";

interface Marking {
  readonly room: RoomId;
  readonly user: string;
  readonly position: Position;
}

/** Move a user's read mark forward. Resolves with the mark as it is now, once it is durable. @throws what `ReadMarking.move` throws. */
export const markRead: Operation<MarkReadRequest, Marking, Promise<ListedMark>> = {
  action: "read",
  named: (asked, user) => (asked.user === "" ? { ...asked, user } : asked),
  check: (asked) => {
    refuseViolations(violationsOf(MarkReadRequestSchema, asked));
    const { user, room, position } = asked;
    // The contract refuses a request without one.
    return { user, room: roomIdFrom(room), position: positionFrom(position) ?? { epoch: 0, offset: 0 } };
  },
  scopeOf: ({ room }) => room,
  userOf: ({ user }) => user,
  run: async ({ room, user, position }, caller, { hub, rates }) => {
    rates?.take(caller, "signals", 1);
    return hub.marks.move(room, user, position, rates?.reading(caller) ?? caller.share);
  },
};

interface MarksAsked {
  readonly room: RoomId;
  /** Empty: all. */
  readonly user: string;
  readonly limit: number;
  readonly page: string;
}

type ReadMarks = Operation<ListReadMarksRequest, MarksAsked, Promise<string>, [form: ListingForm<ListedMark>]>;

/**
 * List a room's read marks by user. Resolves with the name that the next page comes after. The marks of others show who uses
 * the room, as its members do.
 *
 * @throws PERMISSION_DENIED, ENGINE_UNAVAILABLE
 */
export const readMarks: ReadMarks = {
  action: "read",
  check: (asked) => {
    refuseViolations(violationsOf(ListReadMarksRequestSchema, asked));
    const { room, user, limit, page } = asked;
    return { room: roomIdFrom(room), user, limit, page };
  },
  scopeOf: ({ room }) => room,
  run: async ({ room, user, limit, page }, caller, { hub, rooms, rates, audit }, form) => {
    const { principal } = caller;
    const isOwn = user !== "" && refusalOfName(principal, user, room) === undefined;
    if (!isOwn && !(rooms.of(room).hasPresence && principal.may("members", room)))
      throw charged(caller, audited(audit, { caller, action: "members", scope: room }, denied("members", room)));
    const share = rates?.reading(caller) ?? caller.share;
    if (user !== "") {
      await form.begin();
      await share.begin(form.unitsPerItem);
      const found = (await hub.marks.of(user, [room], share)).filter(({ atMs }) => atMs !== undefined);
      if (found.length > 0 && page === "") form.take(found);
      return "";
    }
    const read = (after: string, count: number) => hub.marks.page(room, after, count, share);
    return readListing(
      { limit, page, read, nameOf: (mark) => mark.user, isShown: () => true, described: (found) => found },
      form,
      share,
    );
  },
};
