import { decodeChatMessage, type PayloadTypes, type SentMessage } from "@confab/contract";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { changeFrom, payloadFrom } from "./conversions.js";
import { decodeMessage, type WireFormat } from "./wire-format.js";

/** Read a message that a client sends. No generated message is made of its Protobuf. @throws MALFORMED_MESSAGE */
export function decodeSentMessage(format: WireFormat, bytes: Uint8Array, types: PayloadTypes): SentMessage {
  return format === "proto"
    ? decodeChatMessage(bytes)
    : sentMessageFrom(decodeMessage(ChatMessageSchema, format, bytes, types));
}

/** Like `decodeSentMessage`, for a message that came decoded, within a frame or from a REST route. */
export function sentMessageFrom(message: ChatMessage): SentMessage {
  const { user, text, room, id, payload, encodedPayload, deleted, change } = message;
  return {
    user,
    text,
    room,
    id,
    payload: payloadFrom(payload),
    encodedPayload: payloadFrom(encodedPayload),
    deleted,
    change: change && changeFrom(change),
  };
}
