import { create } from "@bufbuild/protobuf";
import { ConfabError, decodeChatMessage, type NewMessage, type PayloadTypes, type SentMessage } from "@confab/contract";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidNewMessage, refuseViolations, violationsOf } from "@confab/contract/validation";
import { anyFrom, payloadFrom } from "./conversions.js";
import { decodeMessage, type WireFormat } from "./wire-format.js";

/**
 * Read and check a message that a client sends. This is the one place where a send is checked, whatever brought it.
 *
 * @throws MALFORMED_MESSAGE, INVALID_MESSAGE.
 */
export function decodeNewMessage(format: WireFormat, bytes: Uint8Array, types: PayloadTypes): NewMessage {
  return checkNewMessage(
    format === "proto"
      ? decodeChatMessage(bytes)
      : sentMessageFrom(decodeMessage(ChatMessageSchema, format, bytes, types)),
    types,
  );
}

/** Like `decodeNewMessage`, for a message that came decoded, within a frame or from a REST route. */
export function sentMessageFrom(message: ChatMessage): SentMessage {
  const { user, text, room, id, payload, encodedPayload } = message;
  return { user, text, room, id, payload: payloadFrom(payload), encodedPayload: payloadFrom(encodedPayload) };
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
