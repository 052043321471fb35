import { type DescMessage, fromBinary, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { ConfabError, type DecodedMessage, decodeChatMessage, parseJson } from "@confab/contract";
import {
  ChatMessageSchema,
  type ChatResponse,
  ChatResponseSchema,
  type ChatMessage as WireMessage,
} from "@confab/contract/gen/confab/v1/message_pb";
import {
  type GetHistoryResponse,
  GetHistoryResponseSchema,
  type ListMembersResponse,
  ListMembersResponseSchema,
  type ListRoomsResponse,
  ListRoomsResponseSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import type { Ack, ChatMessage, HistoryPage, MembersPage, RoomsPage } from "../link.js";
import { isJsonObject, payloadFromJson } from "./payloads.js";
import { positionText } from "./positions.js";
import type { WireFormat } from "./requests.js";

/** How to read one message of the contract in both its spellings. */
export interface Reply<T> {
  fromProto(bytes: Uint8Array): T;
  fromJson(json: JsonValue): T;
}

/** @throws PROTOCOL_VIOLATION: the server sent something else. */
export function decodeReply<T>(reply: Reply<T>, format: WireFormat, bytes: Uint8Array | string): T {
  try {
    if (format === "json") return reply.fromJson(parseJson(bytes));
    if (typeof bytes === "string") throw new Error("text where bytes are due");
    return reply.fromProto(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "malformed";
    throw new ConfabError("PROTOCOL_VIOLATION", `the server's answer cannot be read: ${why}`, { cause });
  }
}

export const ackReply: Reply<Ack> = generated(ChatResponseSchema, ackFrom);
export const roomsReply: Reply<RoomsPage> = generated(ListRoomsResponseSchema, roomsFrom);
export const membersReply: Reply<MembersPage> = generated(ListMembersResponseSchema, membersFrom);

/** An answer that says nothing more than that it went well. */
export const emptyReply: Reply<void> = { fromProto: () => undefined, fromJson: () => undefined };

export const messageReply: Reply<ChatMessage> = {
  fromProto: (bytes) => messageFromDecoded(decodeChatMessage(bytes)),
  fromJson: (json) => {
    if (!isJsonObject(json)) throw new Error("a message is not an object");
    // Set apart, because its type may be one that this program does not know.
    const { payload, ...rest } = json;
    return messageFrom(readJson(ChatMessageSchema, rest), payloadFromJson(payload));
  },
};

export const historyReply: Reply<HistoryPage> = {
  fromProto: (bytes) => historyFrom(fromBinary(GetHistoryResponseSchema, bytes)),
  fromJson: (json) => {
    if (!isJsonObject(json)) throw new Error("a page is not an object");
    const { messages, ...rest } = json;
    return { ...historyFrom(readJson(GetHistoryResponseSchema, rest)), messages: messagesFromJson(messages) };
  },
};

export function messagesFromJson(json: JsonValue | undefined): ChatMessage[] {
  return Array.isArray(json) ? json.map(messageReply.fromJson) : [];
}

export function ackFrom({ id, position, sentAt, duplicate }: ChatResponse): Ack {
  return { id, position: positionText(position), sentAt: sentAt ? timestampDate(sentAt) : new Date(0), duplicate };
}

export function historyFrom({ messages, more, oldest, newest }: GetHistoryResponse): HistoryPage {
  return {
    messages: messages.map((message) => messageFrom(message)),
    more,
    oldest: positionText(oldest),
    newest: positionText(newest),
  };
}

/** A decoded message as the application's. `payload` stands for one that was set apart. */
export function messageFrom(
  message: WireMessage,
  payload: ChatMessage["payload"] = encodedPayloadOf(message),
): ChatMessage {
  const { user, text, room, id, position, sentAt } = message;
  return {
    user,
    text,
    room,
    id,
    position: positionText(position),
    sentAt: sentAt ? timestampDate(sentAt) : new Date(0),
    ...(payload && { payload }),
  };
}

function encodedPayloadOf({ payload }: WireMessage): ChatMessage["payload"] {
  return payload && { typeUrl: payload.typeUrl, value: payload.value };
}

function messageFromDecoded({ user, text, room, id, position, sentAtMs, payload }: DecodedMessage): ChatMessage {
  return {
    user,
    text,
    room,
    id,
    position: positionText(position),
    sentAt: new Date(sentAtMs),
    ...(payload && { payload }),
  };
}

function roomsFrom({ rooms, nextPage }: ListRoomsResponse): RoomsPage {
  return {
    rooms: rooms.map(({ name, oldest, newest, messages, members, subscribers }) => ({
      name,
      oldest: positionText(oldest),
      newest: positionText(newest),
      messages: Number(messages),
      members,
      subscribers,
    })),
    nextPage,
  };
}

function membersFrom({ members, nextPage, total }: ListMembersResponse): MembersPage {
  return { members: members.map(({ user, connections }) => ({ user, connections })), nextPage, total };
}

function generated<Desc extends DescMessage, T>(schema: Desc, from: (message: MessageShape<Desc>) => T): Reply<T> {
  return {
    fromProto: (bytes) => from(fromBinary(schema, bytes)),
    fromJson: (json) => from(readJson(schema, json)),
  };
}

export function readJson<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> {
  return fromJson(schema, json, { ignoreUnknownFields: true });
}
