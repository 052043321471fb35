import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, fromBinary, fromJsonString, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema, anyPack } from "@bufbuild/protobuf/wkt";
import {
  decodeChatMessage,
  encodeAck,
  encodeBody,
  positionFieldLength,
  writePositionField,
} from "./chat-message-codec.js";
import { ConfabError } from "./errors.js";
import { ChatService } from "./gen/confab/v1/chat_service_pb.js";
import {
  ChatMessageSchema,
  ChatResponseSchema,
  EncodedPayloadSchema,
  PositionSchema,
  UserSchema,
} from "./gen/confab/v1/message_pb.js";
import { SignalSchema } from "./gen/confab/v1/room_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";
import { ackJson, chatMessageJson, messageFromJson } from "./json.js";
import type { StoredMessage } from "./message.js";
import { PayloadTypes } from "./payload-types.js";
import { misjudgedFields } from "./testing/every-constraint.js";
import { assertHandled, ignoredFields, unsetFields } from "./testing/every-field.js";
import { isValidNewMessage, isValidReader, isValidSignal } from "./validation.js";

// The hand-written codecs name each field. One that is added to the contract and not to them was dropped without an error;
// these tests name it.

const inCodec = "in packages/contract/src/chat-message-codec.ts";
const inJson = "in packages/contract/src/json.ts";
const inValidation = "in packages/contract/src/validation.ts";

const types = PayloadTypes.none();
const position = { epoch: 3, offset: 4 };

const full: StoredMessage = {
  user: "ann",
  text: "hi",
  room: "r",
  id: "1",
  sentAtMs: 1_001,
  deleted: true,
  change: { target: 2, kind: "reaction", emoji: "+1", removed: true },
  payload: anyPack(PositionSchema, create(PositionSchema, { epoch: 5, offset: 6n })),
};

const onlyFromSenders = {
  "confab.v1.ChatMessage.view": "it is not stored: message-view.test.ts",
  "confab.v1.ChatMessage.encoded_payload": "the server moves it to payload before it encodes a message",
};

/** `kind` is a oneof: message-change-codec.test.ts has the other members. */
const otherKinds = {
  "confab.v1.ChatMessage.change.edit": "this one is a reaction",
  "confab.v1.ChatMessage.change.deletion": "this one is a reaction",
};

test("every field of ChatMessage is read by decodeChatMessage", () => {
  const read = (message: Parameters<typeof toBinary<typeof ChatMessageSchema>>[1]) =>
    decodeChatMessage(toBinary(ChatMessageSchema, message));
  assertHandled(ignoredFields(ChatMessageSchema, read), `decodeChatMessage ${inCodec}`);
});

test("every field of ChatMessage is written by encodeBody and writePositionField", () => {
  const body = encodeBody(full);
  const bytes = new Uint8Array(body.length + positionFieldLength(position));
  bytes.set(body);
  writePositionField(bytes, body.length, position);
  const written = fromBinary(ChatMessageSchema, bytes);
  assertHandled(
    unsetFields(ChatMessageSchema, written, { gaps: { ...onlyFromSenders, ...otherKinds } }),
    `encodeBody ${inCodec}`,
  );
});

test("every field of ChatMessage is written by chatMessageJson", () => {
  const written = fromJsonString(ChatMessageSchema, chatMessageJson(full, position, types), {
    registry: types.registry,
  });
  const known = { ...onlyFromSenders, ...otherKinds };
  assertHandled(unsetFields(ChatMessageSchema, written, { gaps: known }), `chatMessageJson ${inJson}`);
  const payload = { typeUrl: "x/shop.Order", value: Uint8Array.of(8, 1) };
  const encoded = fromJsonString(ChatMessageSchema, chatMessageJson({ ...full, payload }, position, types));
  const gaps = {
    "confab.v1.ChatMessage.view": "it is not stored: message-view.test.ts",
    "confab.v1.ChatMessage.payload": "a payload of an unknown type is in encoded_payload",
    ...otherKinds,
  };
  assertHandled(unsetFields(ChatMessageSchema, encoded, { gaps }), `chatMessageJson ${inJson}`);
});

test("every field of ChatResponse is written by encodeAck and ackJson", () => {
  const ack = { id: "1", position, sentAtMs: 1_001, duplicate: true };
  const [inProto, asJson] = [
    fromBinary(ChatResponseSchema, encodeAck(ack)),
    fromJsonString(ChatResponseSchema, ackJson(ack)),
  ];
  assertHandled(unsetFields(ChatResponseSchema, inProto), `encodeAck ${inCodec}`);
  assertHandled(unsetFields(ChatResponseSchema, asJson), `ackJson ${inJson}`);
});

test("a payload of any type is read from JSON wherever a request has a place for one", () => {
  const unread: string[] = [];
  for (const { input } of ChatService.methods) {
    const read = (json: object) => toBinary(input, messageFromJson(input, JSON.stringify(json), types));
    for (const { path, json } of requestsWith(input, AnySchema, { "@type": "x/shop.Order", value: "CgEJ" })) {
      // The generated code refuses JSON with a type that it does not know.
      if (!isRead(() => read(json))) unread.push(path);
    }
    for (const { path, json } of requestsWith(input, EncodedPayloadSchema, { typeUrl: "x/y", value: "Cg EJ" })) {
      // The generated code takes base64 of any form.
      if (isRead(() => read(json))) unread.push(path);
    }
  }
  assertHandled(unread, "packages/contract/src/json-payloads.ts");
});

function isRead(read: () => Uint8Array): boolean {
  try {
    return read().length > 0;
  } catch (error) {
    assert.ok(error instanceof ConfabError && error.code === "MALFORMED_MESSAGE", String(error));
    return false;
  }
}

/** A request in JSON for each place of `desc` where messages of the type `sought` may be: with `value` there. */
function requestsWith(
  desc: DescMessage,
  sought: DescMessage,
  value: object,
  path = desc.typeName,
): { readonly path: string; readonly json: object }[] {
  return desc.fields.flatMap((field) => {
    const { message } = field;
    if (!message || path.split(".").includes(field.name)) return [];
    const at = `${path}.${field.name}`;
    const inner =
      message.typeName === sought.typeName ? [{ path: at, json: value }] : requestsWith(message, sought, value, at);
    const hold = (json: object) =>
      field.fieldKind === "list" ? [json] : field.fieldKind === "map" ? { a: json } : json;
    return inner.map((each) => ({ path: each.path, json: { [field.jsonName]: hold(each.json) } }));
  });
}

// A constraint of a new field was known to the contract's own rules alone, which these checks spare the hot path: it did not hold.
test("every constraint of a sender's ChatMessage, of User and of Signal is in the quick checks", () => {
  const gaps = { "confab.v1.ChatMessage.position.offset": "the server sets position, whatever the sender wrote" };
  const quickly = (message: MessageShape<typeof ChatMessageSchema>) => {
    const { position: _, ...sent } = message;
    return isValidNewMessage(decodeChatMessage(toBinary(ChatMessageSchema, sent)));
  };
  const messages = misjudgedFields(ChatMessageSchema, quickly, { base: { user: "ann", text: "hi" }, gaps });
  assertHandled(messages, `isValidNewMessage ${inValidation}`);
  assertHandled(misjudgedFields(UserSchema, isValidReader), `isValidReader ${inValidation}`);
  const base = { user: "ann", kind: "typing" };
  assertHandled(misjudgedFields(SignalSchema, isValidSignal, { base }), `isValidSignal ${inValidation}`);
});

test("a constraint that is not checked is named", () => {
  const withoutRoom = (reader: MessageShape<typeof UserSchema>) => isValidReader({ ...reader, room: "" });
  assert.ok(misjudgedFields(UserSchema, withoutRoom).includes("confab.v1.User.room"));
});

test("a failure says which fields, where to handle them, and what else can be done", () => {
  assert.throws(
    () => assertHandled(["confab.v1.User.quiet"], "isValidReader in validation.ts"),
    /^AssertionError.*: isValidReader in validation.ts does not handle fields of the contract:\n {2}confab.v1.User.quiet\nHandle each there; if/,
  );
  assertHandled([], "isValidReader in validation.ts");
});

test("a field that is not read is named, and so is a gap that is closed", () => {
  const read = ({ code, details }: MessageShape<typeof StatusSchema>) => [code, details.map(({ typeUrl }) => typeUrl)];
  const gaps = { "google.rpc.Status.code": "a reason", "google.rpc.Status.message": "a reason" };
  assert.deepEqual(ignoredFields(StatusSchema, read, { gaps }), [
    "google.rpc.Status.details.value",
    "google.rpc.Status.code is handled, and is a gap",
  ]);
});

test("a field that is not set is named, also within a message of a list", () => {
  const status = create(StatusSchema, { code: 5, details: [{ typeUrl: "a/b" }] });
  assert.deepEqual(unsetFields(StatusSchema, status), ["google.rpc.Status.message", "google.rpc.Status.details.value"]);
});
