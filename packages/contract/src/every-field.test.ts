import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, fromJsonString, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  decodeChatMessage,
  encodeAck,
  encodeBody,
  positionFieldLength,
  writePositionField,
} from "./chat-message-codec.js";
import { ChatMessageSchema, ChatResponseSchema, PositionSchema } from "./gen/confab/v1/message_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";
import { ackJson, chatMessageJson } from "./json.js";
import type { StoredMessage } from "./message.js";
import { PayloadTypes } from "./payload-types.js";
import { ignoredFields, unsetFields } from "./testing/every-field.js";

// The hand-written codecs name each field. One that is added to the contract and not to them was dropped without an error;
// these tests name it.

const types = PayloadTypes.none();
const position = { epoch: 3, offset: 4 };

const full: StoredMessage = {
  user: "ann",
  text: "hi",
  room: "r",
  id: "1",
  sentAtMs: 1_001,
  payload: anyPack(PositionSchema, create(PositionSchema, { epoch: 5, offset: 6n })),
};

const onlyFromSenders = {
  "confab.v1.ChatMessage.encoded_payload": "the server moves it to payload before it encodes a message",
};

test("every field of ChatMessage is read by decodeChatMessage", () => {
  const read = (message: Parameters<typeof toBinary<typeof ChatMessageSchema>>[1]) =>
    decodeChatMessage(toBinary(ChatMessageSchema, message));
  assert.deepEqual(ignoredFields(ChatMessageSchema, read), []);
});

test("every field of ChatMessage is written by encodeBody and writePositionField", () => {
  const body = encodeBody(full);
  const bytes = new Uint8Array(body.length + positionFieldLength(position));
  bytes.set(body);
  writePositionField(bytes, body.length, position);
  const written = fromBinary(ChatMessageSchema, bytes);
  assert.deepEqual(unsetFields(ChatMessageSchema, written, { gaps: onlyFromSenders }), []);
});

test("every field of ChatMessage is written by chatMessageJson", () => {
  const written = fromJsonString(ChatMessageSchema, chatMessageJson(full, position, types), {
    registry: types.registry,
  });
  assert.deepEqual(unsetFields(ChatMessageSchema, written, { gaps: onlyFromSenders }), []);
  const payload = { typeUrl: "x/shop.Order", value: Uint8Array.of(8, 1) };
  const encoded = fromJsonString(ChatMessageSchema, chatMessageJson({ ...full, payload }, position, types));
  const gaps = { "confab.v1.ChatMessage.payload": "a payload of an unknown type is in encoded_payload" };
  assert.deepEqual(unsetFields(ChatMessageSchema, encoded, { gaps }), []);
});

test("every field of ChatResponse is written by encodeAck and ackJson", () => {
  const ack = { id: "1", position, sentAtMs: 1_001, duplicate: true };
  assert.deepEqual(unsetFields(ChatResponseSchema, fromBinary(ChatResponseSchema, encodeAck(ack))), []);
  assert.deepEqual(unsetFields(ChatResponseSchema, fromJsonString(ChatResponseSchema, ackJson(ack))), []);
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
