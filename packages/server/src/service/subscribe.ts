import type { User } from "@confab/contract/gen/confab/v1/message_pb";
import { roomIdFrom, type SubscribeRequest } from "../core/index.js";
import { positionFrom } from "./conversions.js";

/** A checked reader of the contract as core's request. */
export function subscribeRequestFrom({ name, room, after, history }: User): SubscribeRequest {
  return { room: roomIdFrom(room), user: name, after: positionFrom(after), history };
}
