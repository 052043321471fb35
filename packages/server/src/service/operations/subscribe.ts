import { BodyFilter } from "@confab/contract";
import { type User, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidReader, refuseViolations, violationsOf } from "@confab/contract/validation";
import { roomIdFrom, type Sink, type Subscribed, type SubscribeRequest } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { charged } from "./caller.js";
import { denied, type Operation } from "./operation.js";

/** A reader of one room, unchecked. */
export interface AskedReader {
  readonly reader: User;
  /** Where the reader stands in what the client sent, for errors: `reader.`, or nothing. */
  readonly within?: string;
}

/** A subscription that has begun, and the room that it reads. */
export type Reading = Subscribed & Pick<SubscribeRequest, "room">;

/** Begin to read a room. @throws what `Hub.subscribe` throws. */
export const subscribe: Operation<AskedReader, SubscribeRequest, Promise<Reading>, [sink: Sink]> = {
  action: "read",
  check: ({ reader, within = "" }) => {
    if (!isValidReader(reader)) {
      // A rule over several fields has no field: what it is about is the reader.
      const fieldOf = (field: string) => (field === "" ? within.replace(/\.$/, "") : within + field);
      refuseViolations(violationsOf(UserSchema, reader).map((each) => ({ ...each, field: fieldOf(each.field) })));
    }
    const { name, room, after, history, changes, filter } = reader;
    return {
      room: roomIdFrom(room),
      user: name,
      after: positionFrom(after),
      history,
      wantsChanges: changes,
      filter: BodyFilter.from(filter),
    };
  },
  scopeOf: ({ room }) => room,
  userOf: ({ user }) => user,
  run: async (request, caller, { hub, liveCallers, rooms, rates, audit, hooks }, sink) => {
    const { room } = request;
    const { hasPresence, maxHistory } = rooms.of(room);
    const refused = (action: "history" | "members") =>
      charged(caller, audited(audit, { caller, action, scope: room }, denied(action, room)));
    if (request.history > 0 && (maxHistory === 0 || !caller.principal.may("history", room))) throw refused("history");
    if (sink.events?.wantsPresence && !hasPresence) throw refused("members");
    rates?.take(caller, "units", cost.subscribe);
    const history = Math.min(request.history, maxHistory);
    // A reader without a name is counted, and is neither listed nor announced.
    const user = hasPresence ? request.user : "";
    const reader = liveCallers?.addReader(caller, room, request.user);
    try {
      if (hooks?.subscribe !== undefined) await hooks.subscribe(request, caller);
      const subscribed = await hub.subscribe({ ...request, user, history }, sink);
      reader?.began(subscribed.subscription);
      return { ...subscribed, room };
    } catch (thrown) {
      reader?.closed();
      throw thrown;
    }
  },
};
