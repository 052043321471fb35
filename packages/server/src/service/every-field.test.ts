import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { type DecodedMessage, decodeChatMessage, encodeBody, limitsWith, PayloadTypes } from "@confab/contract";
import {
  PresenceChangeSchema,
  ServerFrameSchema,
  type PresenceChange as WirePresence,
} from "@confab/contract/gen/confab/v1/frame_pb";
import { type ChatMessage, ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  GetHistoryResponseSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { ignoredFields, unsetFields } from "@confab/contract/testing/every-field";
import { type Engine, roomIdFrom } from "../core/index.js";
import { testCaller } from "../testing/test-caller.js";
import { testService } from "../testing/test-service.js";
import { JsonBatches, ProtoBatches } from "./encodings.js";
import { envelopeFraming } from "./framing.js";
import { encodeHistory } from "./history.js";
import { MessageJson } from "./message-json.js";
import { history } from "./operations/history.js";
import { signal as signalling } from "./operations/signal.js";
import { subscribe } from "./operations/subscribe.js";
import { encodePresence, presenceJson } from "./presence.js";
import { encodeSignal, signalJson } from "./signals.js";

// Between the wire and core every field is named by hand. One that is added to the contract alone was dropped without an
// error; these tests name it.

const types = PayloadTypes.none();
const target = testCaller();
const room = roomIdFrom("lobby");
const payload = { typeUrl: "type.googleapis.com/google.protobuf.StringValue", value: Uint8Array.of(0x0a, 1, 0x61) };

const serversToSet = {
  "confab.v1.ChatMessage.position.epoch": "the server sets position",
  "confab.v1.ChatMessage.position.offset": "the server sets position",
  "confab.v1.ChatMessage.sent_at.seconds": "the server sets sent_at",
  "confab.v1.ChatMessage.sent_at.nanos": "the server sets sent_at",
};

/** What the server writes holds one payload; of an unknown type, encodedPayload. */
const onePayload = (path: string) => ({ [`${path}.encoded_payload`]: "the payload is of a known type" });

function fromProto<Desc extends DescMessage>(desc: Desc, bytes: Uint8Array): MessageShape<Desc> {
  return fromBinary(desc, bytes);
}

function fromJson<Desc extends DescMessage>(desc: Desc, text: string | Uint8Array): MessageShape<Desc> {
  return fromJsonString(desc, Buffer.from(text).toString(), { registry: types.registry });
}

test("every field that a sender sets in a ChatMessage is stored, from either format", () => {
  const { service, engine } = testService();
  const stored: DecodedMessage[] = [];
  // A send appends before it awaits anything.
  const log: Pick<Engine["log"], "append"> = engine.log;
  log.append = (_room, { body }) => {
    stored.push(decodeChatMessage(body));
    return new Promise(() => undefined);
  };
  const sent = (format: "proto" | "json", bytes: Uint8Array) => {
    void service.unary
      .get("SendMessage")
      ?.call(format, bytes, target)
      .catch(() => undefined);
    const { payload: typed, ...rest } = stored.pop() ?? assert.fail("nothing was stored");
    return { ...rest, typed: typed && [typed.typeUrl, [...typed.value]] };
  };
  const rules = { base: { user: "ann", text: "hi", id: "1" }, gaps: serversToSet };
  const inProto = (message: ChatMessage) => sent("proto", toBinary(ChatMessageSchema, message));
  assert.deepEqual(ignoredFields(ChatMessageSchema, inProto, rules), []);
  const inJson = (message: ChatMessage) => {
    // The generated code writes no payload of a type that it does not know; the server reads it as base64.
    const { payload: typed, ...rest } = message;
    const json = JSON.parse(toJsonString(ChatMessageSchema, rest as ChatMessage));
    if (typed) json.payload = { "@type": typed.typeUrl, value: Buffer.from(typed.value).toString("base64") };
    return sent("json", Buffer.from(JSON.stringify(json)));
  };
  assert.deepEqual(ignoredFields(ChatMessageSchema, inJson, rules), []);
});

test("every field of User, GetHistoryRequest and Signal reaches core", () => {
  const { hub, engine } = testService();
  const deps = { hub, engine, types, limits: limitsWith({}) };
  // Of all positions only one may be given.
  const rules = { base: {}, gaps: {} };
  assert.deepEqual(
    ignoredFields(UserSchema, (reader) => subscribe.check({ reader }, deps)),
    [],
  );
  assert.deepEqual(
    ignoredFields(GetHistoryRequestSchema, (asked) => history.check(asked, deps), rules),
    [],
  );
  const base = { user: "ann", kind: "typing" };
  assert.deepEqual(
    ignoredFields(SignalSchema, (signal) => signalling.check(signal, deps), { base }),
    [],
  );
});

test("every field of Signal and PresenceChange is written, in either format", () => {
  const signal = { user: "ann", room, kind: "read", position: { epoch: 7, offset: 3 }, payload };
  const gaps = onePayload("confab.v1.Signal");
  assert.deepEqual(unsetFields(SignalSchema, fromProto(SignalSchema, encodeSignal(signal)), { gaps }), []);
  assert.deepEqual(unsetFields(SignalSchema, fromJson(SignalSchema, signalJson(signal, types)), { gaps }), []);
  const change = { room, user: "ann", isPresent: true };
  const presences: readonly WirePresence[] = [
    fromProto(PresenceChangeSchema, encodePresence(change, 5)),
    fromJson(PresenceChangeSchema, presenceJson(change, 5)),
  ];
  for (const presence of presences) assert.deepEqual(unsetFields(PresenceChangeSchema, presence), []);
});

test("every field of GetHistoryResponse and of the messages in a batch is written, in either format", () => {
  const json = new MessageJson(types);
  const body = encodeBody({ user: "ann", text: "hi", room, id: "1", sentAtMs: 1_001, payload });
  const entries = [{ offset: 5, body }];
  const page = { epoch: 7, entries, oldest: 5, newest: 5, messages: 1, hasMore: true };
  const gaps = onePayload("confab.v1.GetHistoryResponse.messages");
  const replies = [
    fromProto(GetHistoryResponseSchema, encodeHistory("proto", page, json)),
    fromJson(GetHistoryResponseSchema, encodeHistory("json", page, json)),
  ];
  for (const reply of replies) assert.deepEqual(unsetFields(GetHistoryResponseSchema, reply, { gaps }), []);

  const frames = [
    fromProto(ServerFrameSchema, withoutEnvelope(new ProtoBatches("proto", envelopeFraming).encode(room, 7, entries))),
    fromJson(
      ServerFrameSchema,
      withoutEnvelope(new JsonBatches("json", envelopeFraming, json).encode(room, 7, entries)),
    ),
  ];
  for (const { frame } of frames) {
    assert.ok(frame.case === "messages");
    const [message] = frame.value.messages;
    assert.ok(message);
    assert.deepEqual(unsetFields(ChatMessageSchema, message, { gaps: onePayload("confab.v1.ChatMessage") }), []);
  }
});

function withoutEnvelope(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(5);
}
