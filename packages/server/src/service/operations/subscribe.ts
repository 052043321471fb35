import { type User, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidReader, refuseViolations, violationsOf } from "@confab/contract/validation";
import { roomIdFrom, type Sink, type Subscribed, type SubscribeRequest } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { positionFrom } from "../conversions.js";
import { audited } from "./audit.js";
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
      refuseViolations(violationsOf(UserSchema, reader).map((each) => ({ ...each, field: within + each.field })));
    }
    const { name, room, after, history } = reader;
    return { room: roomIdFrom(room), user: name, after: positionFrom(after), history };
  },
  scopeOf: ({ room }) => room,
  userOf: ({ user }) => user,
  run: async (request, caller, { hub, liveCallers, rates, audit }, sink) => {
    const { room } = request;
    if (request.history > 0 && !caller.principal.may("history", room))
      throw audited(audit, { caller, action: "history", scope: room }, denied("history", room));
    rates?.take(caller, "units", cost.subscribe);
    const refusal = liveCallers?.refusalOf(caller);
    if (refusal) throw refusal;
    const subscribed = await hub.subscribe(request, sink);
    liveCallers?.addReader(caller, room, subscribed.subscription);
    return { ...subscribed, room };
  },
};
