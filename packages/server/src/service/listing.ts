import type { PayloadTypes } from "@confab/contract";
import {
  type ListMembersRequest,
  ListMembersResponseSchema,
  type ListRoomsRequest,
  ListRoomsResponseSchema,
  MemberSchema,
  RoomSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { type Engine, type RoomSummary, roomIdFrom } from "../core/index.js";
import { cost, type Share } from "../work/index.js";
import { wirePositionFrom } from "./conversions.js";
import { ListedReply } from "./listed-reply.js";
import type { WireFormat } from "./wire-format.js";

/** Rooms or members for one page when the request does not say. */
const defaultPageLimit = 100;

/** Rooms or members that are read and encoded in one step of work. */
const itemsPerStep = 50;

export interface ListingDeps {
  readonly engine: Engine;
  readonly types: PayloadTypes;
}

/** Answer ListRooms: rooms by name, with how many read them. */
export async function listRooms(
  request: ListRoomsRequest,
  format: WireFormat,
  share: Share,
  { engine, types }: ListingDeps,
): Promise<Uint8Array> {
  const reply = new ListedReply({ reply: ListRoomsResponseSchema, item: RoomSchema, list: "rooms" }, format, types);
  const nextPage = await inSteps<RoomSummary>(request.limit, request.page, {
    begin: (count) => share.begin(count * cost.listed[format]),
    read: (after, count) => engine.log.list(request.prefix, after, count),
    nameOf: ({ room }) => room,
    take: async (rooms) => {
      const counts = await engine.members.counts(rooms.map(({ room }) => room));
      reply.add(
        rooms.map(({ room, epoch, oldest, newest, messages }, index) => ({
          name: room,
          oldest: wirePositionFrom({ epoch, offset: oldest }),
          newest: wirePositionFrom({ epoch, offset: newest }),
          messages: BigInt(messages),
          members: counts[index]?.members ?? 0,
          subscribers: counts[index]?.subscribers ?? 0,
        })),
      );
    },
  });
  return reply.end({ nextPage });
}

/** Answer ListMembers: users by name, with how many subscriptions each has. */
export async function listMembers(
  request: ListMembersRequest,
  format: WireFormat,
  share: Share,
  { engine, types }: ListingDeps,
): Promise<Uint8Array> {
  const room = roomIdFrom(request.room);
  const options = { reply: ListMembersResponseSchema, item: MemberSchema, list: "members" } as const;
  const reply = new ListedReply(options, format, types);
  const nextPage = await inSteps(request.limit, request.page, {
    begin: (count) => share.begin(count * cost.listed[format]),
    read: (after, count) => engine.members.page(room, after, count),
    nameOf: ({ user }) => user,
    take: (members) => reply.add(members),
  });
  const [counts] = await engine.members.counts([room]);
  return reply.end({ nextPage, total: counts?.members ?? 0 });
}

interface Steps<Item> {
  readonly begin: (count: number) => Promise<void> | undefined;
  readonly read: (after: string, count: number) => readonly Item[] | Promise<readonly Item[]>;
  readonly nameOf: (item: Item) => string;
  /** Never called with nothing. */
  readonly take: (items: readonly Item[]) => Promise<void> | void;
}

/** Read a page in steps; the name that the next page comes after, empty if this was the last one. */
async function inSteps<Item>(limit: number, page: string, steps: Steps<Item>): Promise<string> {
  let missing = limit || defaultPageLimit;
  let after = page;
  while (missing > 0) {
    const count = Math.min(itemsPerStep, missing);
    await steps.begin(count);
    const items = await steps.read(after, count);
    if (items.length > 0) await steps.take(items);
    if (items.length < count) return "";
    const last = items.at(-1);
    after = last === undefined ? after : steps.nameOf(last);
    missing -= count;
  }
  return after;
}
