import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import {
  bodyWithView,
  ConfabError,
  type DecodedMessage,
  decodeChatMessage,
  encodeBody,
  limitsWith,
  PayloadTypes,
} from "@confab/contract";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
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
import { edgeMessages } from "@confab/contract/testing/every-constraint";
import { assertHandled, ignoredFields, unsetFields } from "@confab/contract/testing/every-field";
import { violationsOf } from "@confab/contract/validation";
import { type Engine, Run, roomIdFrom } from "../core/index.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { testCaller } from "../testing/test-caller.js";
import { testService } from "../testing/test-service.js";
import { JsonBatches, ProtoBatches } from "./encodings.js";
import { envelopeFraming } from "./framing.js";
import { encodeHistory } from "./history.js";
import { MessageJson } from "./message-json.js";
import { history } from "./operations/history.js";
import { defaultPolicy } from "./operations/room-policy.js";
import { send } from "./operations/send.js";
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

const viewFields = [
  ...["edited.user", "edited.offset", "edited.at.seconds", "edited.at.nanos"],
  ...["reactions.emoji", "reactions.count", "reactions.users.name"],
];

const serversToSet = {
  "confab.v1.ChatMessage.position.epoch": "the server sets position",
  "confab.v1.ChatMessage.position.offset": "the server sets position",
  "confab.v1.ChatMessage.sent_at.seconds": "the server sets sent_at",
  "confab.v1.ChatMessage.sent_at.nanos": "the server sets sent_at",
  ...Object.fromEntries(
    viewFields.map((field) => [`confab.v1.ChatMessage.view.${field}`, "the server sets view in folded pages"]),
  ),
  "confab.v1.ChatMessage.change.target": "a sender that sets change is refused",
  "confab.v1.ChatMessage.change.reaction.emoji": "a sender that sets change is refused",
  "confab.v1.ChatMessage.change.reaction.removed": "a sender that sets change is refused",
};

/** What the server writes holds one payload; of an unknown type, encodedPayload. */
const onePayload = (path: string) => ({
  [`${path}.encoded_payload`]: "the payload is of a known type",
  ...(path.endsWith("Signal")
    ? {}
    : { [`${path}.change.edit`]: "a reaction", [`${path}.change.deletion`]: "a reaction" }),
});

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
      .get(ChatService.method.sendMessage)
      ?.call(format, bytes, target)
      .catch(() => undefined);
    const { payload: typed, ...rest } = stored.pop() ?? assert.fail("nothing was stored");
    return { ...rest, typed: typed && [typed.typeUrl, [...typed.value]] };
  };
  const rules = { base: { user: "ann", text: "hi", id: "1" }, gaps: serversToSet };
  const inProto = (message: ChatMessage) => sent("proto", toBinary(ChatMessageSchema, message));
  const way = "the way from service/sent-message.ts over operations/send.ts to core/hub.ts";
  assertHandled(ignoredFields(ChatMessageSchema, inProto, rules), way);
  const inJson = (message: ChatMessage) => {
    // The generated code writes no payload of a type that it does not know; the server reads it as base64.
    const { payload: typed, ...rest } = message;
    const json = JSON.parse(toJsonString(ChatMessageSchema, rest as ChatMessage));
    if (typed) json.payload = { "@type": typed.typeUrl, value: Buffer.from(typed.value).toString("base64") };
    return sent("json", Buffer.from(JSON.stringify(json)));
  };
  assertHandled(ignoredFields(ChatMessageSchema, inJson, rules), way);
});

test("every field of User, GetHistoryRequest and Signal reaches core", () => {
  const { hub, engine } = testService();
  const limits = limitsWith({});
  const rooms = { of: () => defaultPolicy(limits) };
  const deps = { hub, engine, types, limits, rooms, longestTokenUseMs: () => 0 };
  // Of all positions only one may be given.
  const rules = { base: {}, gaps: {} };
  assertHandled(
    ignoredFields(UserSchema, (reader) => subscribe.check({ reader }, deps)),
    "service/operations/subscribe.ts",
  );
  assertHandled(
    ignoredFields(GetHistoryRequestSchema, (asked) => history.check(asked, deps), rules),
    "service/operations/history.ts",
  );
  const base = { user: "ann", kind: "typing" };
  assertHandled(
    ignoredFields(SignalSchema, (signal) => signalling.check(signal, deps), { base }),
    "service/operations/signal.ts",
  );
});

test("every field of Signal and PresenceChange is written, in either format", () => {
  const signal = { user: "ann", room, kind: "read", position: { epoch: 7, offset: 3 }, payload };
  const gaps = onePayload("confab.v1.Signal");
  const signals = [fromProto(SignalSchema, encodeSignal(signal)), fromJson(SignalSchema, signalJson(signal, types))];
  for (const each of signals) assertHandled(unsetFields(SignalSchema, each, { gaps }), "service/signals.ts");
  const change = { room, user: "ann", isPresent: true };
  const presences: readonly WirePresence[] = [
    fromProto(PresenceChangeSchema, encodePresence(change, 5)),
    fromJson(PresenceChangeSchema, presenceJson(change, 5)),
  ];
  for (const each of presences) assertHandled(unsetFields(PresenceChangeSchema, each), "service/presence.ts");
});

test("every field of GetHistoryResponse and of the messages in a batch is written, in either format", () => {
  const json = new MessageJson(types);
  const change = { target: 2, kind: "reaction", emoji: "+1", removed: true } as const;
  const stored = encodeBody({
    user: "ann",
    text: "hi",
    room,
    id: "1",
    sentAtMs: 1_001,
    payload,
    deleted: true,
    change,
  });
  const edited = { user: "bob", offset: 7, atMs: 2_002 };
  const body = bodyWithView(stored, { edited, reactions: [{ emoji: "+1", count: 1, users: ["ann"] }] });
  const run = Run.of(5, [body]);
  const page = { epoch: 7, run, oldest: 5, newest: 5, messages: 1, hasMore: true, start: 3 };
  const gaps = onePayload("confab.v1.GetHistoryResponse.messages");
  const replies = [
    fromProto(GetHistoryResponseSchema, encodeHistory("proto", page, json)),
    fromJson(GetHistoryResponseSchema, encodeHistory("json", page, json)),
  ];
  for (const reply of replies)
    assertHandled(unsetFields(GetHistoryResponseSchema, reply, { gaps }), "encodeHistory in service/history.ts");

  const frames = [
    fromProto(ServerFrameSchema, withoutEnvelope(new ProtoBatches("proto", envelopeFraming).encode(room, 7, run))),
    fromJson(ServerFrameSchema, withoutEnvelope(new JsonBatches("json", envelopeFraming, json).encode(room, 7, run))),
  ];
  for (const { frame } of frames) {
    assert.ok(frame.case === "messages");
    const [message] = frame.value.messages;
    assert.ok(message);
    const unset = unsetFields(ChatMessageSchema, message, { gaps: onePayload("confab.v1.ChatMessage") });
    assertHandled(unset, "service/encodings.ts");
  }
});

test("every field of the listings' replies is written, in either format", async () => {
  const { service, hub, say } = testService();
  await say("lobby", "hi", "hi");
  await say("other", "hi");
  for (const user of ["ann", "bob"]) {
    await hub.subscribe({ room, user, after: undefined, history: 0 }, new RecordingSink());
    await hub.marks.move(room, user, { epoch: 7, offset: 1 }, target.share);
  }
  const { listRooms, listMembers, listReadMarks } = ChatService.method;
  for (const [method, rest] of [
    [listRooms, { reader: "ann" }],
    [listMembers, {}],
    [listReadMarks, {}],
  ] as const) {
    const { name, input, output } = method;
    for (const format of ["proto", "json"] as const) {
      const rpc = service.unary.get(method) ?? assert.fail(name);
      // A page of one of two has a next page.
      const asked = fromJsonString(input, JSON.stringify({ limit: 1, ...rest }));
      const one = format === "proto" ? toBinary(input, asked) : Buffer.from(toJsonString(input, asked));
      const reply = await rpc.call(format, one, target);
      const written = format === "proto" ? fromProto(output, reply) : fromJson(output, reply);
      assertHandled(unsetFields(output, written), `${name} in service/unary.ts`);
    }
  }
});

test("every violation that the contract finds is told to the client, with the field that breaks it", () => {
  const told = (check: () => unknown) => {
    try {
      check();
      return [];
    } catch (error) {
      return error instanceof ConfabError ? (error.facts.violations ?? [error.code]) : [error];
    }
  };
  const { hub, engine } = testService();
  const limits = limitsWith({});
  const rooms = { of: () => defaultPolicy(limits) };
  const deps = { hub, engine, types, limits, rooms, longestTokenUseMs: () => 0 };
  const differing = new Set<string>();
  const compare = (field: string, violations: readonly unknown[], check: () => unknown) => {
    if (violations.length > 0 && !isDeepStrictEqual(told(check), violations)) differing.add(field);
  };
  for (const { field, message } of edgeMessages(ChatMessageSchema, { user: "ann", text: "hi" })) {
    const { position: _, ...sent } = message;
    compare(field, violationsOf(ChatMessageSchema, sent as ChatMessage), () =>
      send.check(decodeChatMessage(toBinary(ChatMessageSchema, sent as ChatMessage)), deps),
    );
  }
  for (const { field, message } of edgeMessages(UserSchema, {}))
    compare(field, violationsOf(UserSchema, message), () => subscribe.check({ reader: message }, deps));
  for (const { field, message } of edgeMessages(SignalSchema, { user: "ann", kind: "typing" }))
    compare(field, violationsOf(SignalSchema, message), () => signalling.check(message, deps));
  assertHandled([...differing], "service/operations/send.ts, subscribe.ts or signal.ts");
});

function withoutEnvelope(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(5);
}
