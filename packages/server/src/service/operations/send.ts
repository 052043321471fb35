import { create } from "@bufbuild/protobuf";
import { type Ack, ConfabError, type NewMessage, type PayloadTypes, type SentMessage } from "@confab/contract";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidNewMessage, refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { anyFrom } from "../conversions.js";
import { audited } from "./audit.js";
import { type Caller, charged } from "./caller.js";
import type { CallerRates } from "./caller-rates.js";
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
    rates?.takeSend(caller, Buffer.byteLength(message.text) + (message.payload?.value.length ?? 0));
    if (!mayCreate(caller.principal, room, policy)) {
      return hub.send(message, policy.maxMessageBytes, () =>
        charged(caller, audited(audit, { caller, action: "create", scope: room }, denied("create", room))),
      );
    }
    if (!rates || rates.knownRooms.has(room)) return hub.send(message, policy.maxMessageBytes);
    return sendToUnknown(message, room, caller, { ...deps, rates });
  },
};

/**
 * The room may be one that this message creates. Like the other ways it calls `Hub.send` before anything is awaited, so that
 * the messages of a caller keep their order whichever way they go.
 */
async function sendToUnknown(
  message: NewMessage,
  room: RoomId,
  caller: Caller,
  { hub, rooms, rates }: OperationDeps & { readonly rates: CallerRates },
): Promise<Ack> {
  // A caller that has created too many rooms may still send to existing ones, also to one that it is just creating.
  const refusal = rates.refusal(caller, "rooms", 1);
  // Taken before the message is stored, so that of many at once no more than allowed create one.
  const giveBack = refusal ? undefined : rates.reserve(caller, "rooms");
  let isCreated = false;
  try {
    const ack = await hub.send(message, rooms.of(room).maxMessageBytes, refusal && (() => charged(caller, refusal)));
    // The position of a room's first message shows that the room was created.
    isCreated = ack.position.offset === 1 && !ack.duplicate;
    rates.knownRooms.add(room);
    return ack;
  } finally {
    if (!isCreated) giveBack?.();
  }
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
