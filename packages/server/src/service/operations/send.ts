import { create } from "@bufbuild/protobuf";
import { type Ack, ConfabError, type NewMessage, type PayloadTypes, type SentMessage } from "@confab/contract";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidNewMessage, refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { anyFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { denied, type Operation, type OperationDeps } from "./operation.js";
import { mayCreate } from "./room-policy.js";

/** Append a message to its room. Resolves once it is durable. @throws what `Hub.send` throws. */
export const send: Operation<SentMessage, NewMessage, Promise<Ack>> = {
  action: "send",
  named: (message, user) => (message.user === "" ? { ...message, user } : message),
  check: (message, { types }) => checkNewMessage(message, types),
  scopeOf: ({ room }) => roomIdFrom(room),
  userOf: ({ user }) => user,
  run: (message, caller, deps) => {
    const { rates, audit, hub, rooms } = deps;
    const room = roomIdFrom(message.room);
    const policy = rooms.of(room);
    if (rates) {
      rates.take(caller, "sends", 1);
      rates.take(caller, "bytes", message.text.length + (message.payload?.value.length ?? 0));
    }
    if (!mayCreate(caller.principal, room, policy))
      return sendToExisting(message, room, deps, () => {
        throw audited(audit, { caller, action: "create", scope: room }, denied("create", room));
      });
    if (!rates) return hub.send(message, policy.maxMessageBytes);
    // A caller that has created too many rooms may still send to existing ones.
    if (rates.isSpent(caller, "rooms"))
      return sendToExisting(message, room, deps, () => rates.refuse(caller, "rooms", 1));
    return counted(hub.send(message, policy.maxMessageBytes), () => rates.spend(caller, "rooms", 1));
  },
};

/** For a caller that may not create rooms, or not now. `refuse` throws why. */
async function sendToExisting(
  message: NewMessage,
  room: RoomId,
  { hub, engine, rooms }: OperationDeps,
  refuse: () => void,
): Promise<Ack> {
  const { newest } = await engine.log.state(room);
  if (newest === 0) refuse();
  return hub.send(message, rooms.of(room).maxMessageBytes);
}

/** The position of a room's first message shows that the room was created. */
async function counted(sent: Promise<Ack>, created: () => void): Promise<Ack> {
  const ack = await sent;
  if (ack.position.offset === 1 && !ack.duplicate) created();
  return ack;
}

/** @throws INVALID_MESSAGE with each violation, MALFORMED_MESSAGE for a payload that is not of its type. */
export function checkNewMessage(message: SentMessage, types: PayloadTypes): NewMessage {
  if (!isValidNewMessage(message)) {
    refuseViolations(violationsOf(ChatMessageSchema, wireMessageFrom(message)));
    // The quick check and the contract disagree: the quick check is wrong, and a wrong yes would be worse than this no.
    throw new ConfabError("INTERNAL", "the quick check refused a message that keeps the contract");
  }
  // From here on there is one field for a payload.
  const { encodedPayload } = message;
  const checked = encodedPayload ? { ...message, payload: encodedPayload, encodedPayload: undefined } : message;
  if (checked.payload) types.check(checked.payload);
  return checked;
}

function wireMessageFrom({ user, text, room, id, payload, encodedPayload }: SentMessage): ChatMessage {
  return create(ChatMessageSchema, {
    user,
    text,
    room,
    id,
    ...(payload && { payload: anyFrom(payload) }),
    ...(encodedPayload && { encodedPayload }),
  });
}
