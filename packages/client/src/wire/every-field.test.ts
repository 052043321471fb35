import { describe, it, test } from "node:test";
import {
  create,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { PayloadTypes } from "@confab/contract";
import { ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import {
  ChatMessageSchema,
  ChatResponseSchema,
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  EncodedPayloadSchema,
  ReactRequestSchema,
  UserSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import {
  ListReadMarksRequestSchema,
  ListReadMarksResponseSchema,
  MarkReadRequestSchema,
  MarkReadResponseSchema,
} from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  GetHistoryResponseSchema,
  ListMembersRequestSchema,
  ListMembersResponseSchema,
  ListRoomsRequestSchema,
  ListRoomsResponseSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { assertHandled, ignoredFields, type KnownGaps, unsetFields } from "@confab/contract/testing/every-field";
import {
  ackReply,
  historyReply,
  markReply,
  marksReply,
  membersReply,
  messageReply,
  type Reply,
  roomsReply,
} from "./replies.js";
import {
  changeRequest,
  encodeRequest,
  historyRequest,
  markReadRequest,
  membersRequest,
  type Request,
  readerRequest,
  readMarksRequest,
  roomsRequest,
  sendRequest,
  signalRequest,
} from "./requests.js";
import { serverFrameReply } from "./server-frames.js";

// The tables are generated. From the tables to what applications get, each field is named by
// hand; one that is missing there was dropped without an error.

const inReplies = "packages/client/src/wire/replies.ts";
const inRequests = "packages/client/src/wire/requests.ts";

const types = PayloadTypes.none();
const { registry } = types;
const position = { epoch: 3, offset: 4n };

const [offset, payload] = ["3:4", { typeUrl: "x/confab.v1.Position", value: Uint8Array.of(0x0d, 7, 0, 0, 0) }] as const;

const replies: readonly (readonly [DescMessage, Reply<unknown>, base: object, gaps?: KnownGaps])[] = [
  [ChatMessageSchema, messageReply, { position }],
  [ChatResponseSchema, ackReply, { position }],
  [GetHistoryResponseSchema, historyReply, { oldest: position, newest: position }],
  [ListRoomsResponseSchema, roomsReply, {}],
  [ListMembersResponseSchema, membersReply, {}],
  [MarkReadResponseSchema, markReply, {}],
  [ListReadMarksResponseSchema, marksReply, {}],
];

for (const [desc, reply, base, gaps = {}] of replies) {
  test(`every field of ${desc.typeName} reaches the application, from either format`, () => {
    const asProto = (message: MessageShape<DescMessage>) => reply.fromProto(toBinary(desc, message));
    assertHandled(ignoredFields(desc, asProto, { base, gaps }), inReplies);
    const asJson = (message: MessageShape<DescMessage>) => reply.fromJson(jsonOf(desc, message));
    assertHandled(ignoredFields(desc, asJson, { base, gaps }), inReplies);
  });
}

/** As the server writes it: a payload of an unknown type is encoded. */
function jsonOf(desc: DescMessage, message: MessageShape<DescMessage>): JsonObject {
  const moved = fromBinary(desc, toBinary(desc, message));
  const move = (holder: unknown) => {
    if (typeof holder !== "object" || holder === null) return;
    const { payload: any } = holder as { payload?: { typeUrl: string; value: Uint8Array } };
    if (any && !registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1)))
      Object.assign(holder, {
        payload: undefined,
        encodedPayload: create(EncodedPayloadSchema, { typeUrl: any.typeUrl, value: any.value }),
      });
    for (const each of Object.values(holder)) for (const inner of [each].flat()) move(inner);
  };
  move(moved);
  return toJson(desc, moved, { registry }) as JsonObject;
}

describe("every field of a ServerFrame", () => {
  const detailsTellIt = "errorFromWire has it from the details";
  const errorGaps = (path: string): KnownGaps => ({
    [`${path}.retry`]: "follows from the code",
    [`${path}.details.type_url`]: detailsTellIt,
    [`${path}.details.value`]: detailsTellIt,
  });
  const frame = "confab.v1.ServerFrame";
  const gaps: KnownGaps = {
    [`${frame}.welcome.connection`]: "for the server's log",
    [`${frame}.welcome.server_version`]: "for people",
    ...errorGaps(`${frame}.error`),
    ...errorGaps(`${frame}.unsubscribed.reason`),
    ...errorGaps(`${frame}.goodbye.reason`),
  };

  it("reaches the application, but for those with a reason", () => {
    const read = (message: MessageShape<typeof ServerFrameSchema>) =>
      comparable(serverFrameReply.fromProto(toBinary(ServerFrameSchema, message)));
    assertHandled(ignoredFields(ServerFrameSchema, read, { gaps }), "packages/client/src/wire/server-frames.ts");
  });
});

/** Errors are compared by what they say. */
function comparable(value: unknown): unknown {
  if (value instanceof Error) return { ...value, message: value.message, facts: (value as { facts?: unknown }).facts };
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, comparable(each)]));
}

const serversToSet = {
  "confab.v1.ChatMessage.position": "the server sets it",
  "confab.v1.ChatMessage.sent_at": "the server sets it",
  "confab.v1.ChatMessage.deleted": "a sender that sets it is refused",
  "confab.v1.ChatMessage.change": "a sender that sets it is refused",
  "confab.v1.ChatMessage.view": "the server sets it",
};
const oneOfTwo = (path: string) => ({ [path]: "the other one is set" });

const filter = { users: ["ann"], payloadTypes: ["a.B"] };
const changed = { user: "ann", room: "r", id: "1", position: offset };

const requests: readonly (readonly [DescMessage, Request, gaps?: KnownGaps])[] = [
  [
    ChatMessageSchema,
    sendRequest({ user: "ann", text: "hi", room: "r", id: "1", payload }),
    { ...serversToSet, ...oneOfTwo("confab.v1.ChatMessage.encoded_payload") },
  ],
  [
    EditMessageRequestSchema,
    changeRequest({ ...changed, kind: "edit", text: "hi", payload }),
    oneOfTwo("confab.v1.EditMessageRequest.encoded_payload"),
  ],
  [DeleteMessageRequestSchema, changeRequest({ ...changed, kind: "delete" })],
  [ReactRequestSchema, changeRequest({ ...changed, kind: "react", emoji: "+1", removed: true })],
  [UserSchema, readerRequest({ user: "ann", room: "r", after: offset, history: 5, changes: true, filter })],
  [
    GetHistoryRequestSchema,
    historyRequest({
      room: "r",
      after: offset,
      before: offset,
      limit: 5,
      oldestFirst: true,
      changes: true,
      history: 5,
      folded: true,
      filter,
    }),
  ],
  [ListRoomsRequestSchema, roomsRequest({ prefix: "r", limit: 5, page: "p", reader: "ann" })],
  [ListMembersRequestSchema, membersRequest({ room: "r", limit: 5, page: "p" })],
  [MarkReadRequestSchema, markReadRequest({ user: "ann", room: "r", position: offset })],
  [ListReadMarksRequestSchema, readMarksRequest({ room: "r", user: "ann", limit: 5, page: "p" })],
  [
    SignalSchema,
    signalRequest({ user: "ann", room: "r", kind: "read", position: offset, payload }),
    oneOfTwo("confab.v1.Signal.encoded_payload"),
  ],
];

for (const [desc, request, gaps = {}] of requests) {
  test(`every field of ${desc.typeName} that an application may set is sent, in either format`, () => {
    const asProto = fromBinary(desc, encodeRequest("proto", request, types));
    assertHandled(unsetFields(desc, asProto, { gaps }), inRequests);
    const json = JSON.parse(Buffer.from(encodeRequest("json", request, types)).toString());
    assertHandled(unsetFields(desc, fromJson(desc, json, { registry }), { gaps }), inRequests);
  });
}
