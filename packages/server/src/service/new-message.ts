import { create } from "@bufbuild/protobuf";
import { ConfabError, decodeChatMessage, type NewMessage, type PayloadTypes } from "@confab/contract";
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
      : newMessageFrom(decodeMessage(ChatMessageSchema, format, bytes, types)),
    types,
  );
}

/** Like `decodeNewMessage`, for a message that came decoded, within a frame or from a REST route. */
export function newMessageFrom(message: ChatMessage): NewMessage {
  const { user, text, room, id, payload } = message;
  return { user, text, room, id, payload: payloadFrom(payload) };
}

/** @throws INVALID_MESSAGE with each violation, MALFORMED_MESSAGE for a payload that is not of its type. */
export function checkNewMessage(message: NewMessage, types: PayloadTypes): NewMessage {
  if (!isValidNewMessage(message)) {
    const { user, text, room, id, payload } = message;
    const init = payload ? { user, text, room, id, payload: anyFrom(payload) } : { user, text, room, id };
    refuseViolations(violationsOf(ChatMessageSchema, create(ChatMessageSchema, init)));
    // The quick check and the contract disagree: the quick check is wrong, and a wrong yes would be worse than this no.
    throw new ConfabError("INTERNAL", "the quick check refused a message that keeps the contract");
  }
  if (message.payload) types.check(message.payload);
  return message;
}
