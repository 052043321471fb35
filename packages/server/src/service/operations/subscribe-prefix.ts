import { ConfabError, type Position } from "@confab/contract";
import { type SubscribePrefix, SubscribePrefixSchema } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import { type Operation, opened } from "./operation.js";
import { type PrefixForm, PrefixReading, type PrefixRequest } from "./prefix-reading.js";
import { subscribe } from "./subscribe.js";

/**
 * Read all rooms whose names begin with a prefix. The reading begins with `PrefixReading.begin`. Each room is a subscription
 * that the caller asks for: what it needs is asked for each room.
 */
export const subscribePrefix: Operation<SubscribePrefix, PrefixRequest, PrefixReading, [form: PrefixForm]> = {
  action: "read",
  check: (asked) => {
    refuseViolations(violationsOf(SubscribePrefixSchema, asked));
    const { prefix, name, changes, presence, history, resumed } = asked;
    return {
      ...{ prefix, history, after: positionsIn(asked), isResumed: resumed },
      ...{ user: name, wantsChanges: changes, wantsPresence: presence },
    };
  },
  scopeOf: () => "some room",
  userOf: ({ user }) => user,
  run: (request, caller, deps, form) =>
    new PrefixReading(request, { ...deps, caller, form, subscribe: opened(subscribe, deps) }),
};

/** @throws INVALID_MESSAGE: a room is named twice, or is not of the prefix. */
function positionsIn({ prefix, after }: SubscribePrefix): ReadonlyMap<RoomId, Position> {
  const positions = new Map<RoomId, Position>();
  for (const [index, { room, position }] of after.entries()) {
    const name = roomIdFrom(room);
    if (!room.startsWith(prefix)) throw wrongRoom(index, `${room} does not begin with ${prefix}`);
    if (positions.has(name)) throw wrongRoom(index, `${room} is named twice`);
    if (position) positions.set(name, positionFrom(position));
  }
  return positions;
}

function wrongRoom(index: number, message: string): ConfabError {
  const field = `after[${index}].room`;
  return new ConfabError("INVALID_MESSAGE", `${field}: ${message}`, {
    violations: [{ field, rule: "after.room", message }],
  });
}
