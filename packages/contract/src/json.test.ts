import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromJson, fromJsonString, toJson } from "@bufbuild/protobuf";
import { anyPack, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConfabError } from "./errors.js";
import { ClientFrameSchema } from "./gen/confab/v1/frame_pb.js";
import { ChatMessageSchema, ChatResponseSchema, SendMessagesRequestSchema } from "./gen/confab/v1/message_pb.js";
import { ListRoomsRequestSchema, SignalSchema } from "./gen/confab/v1/room_pb.js";
import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";
import { ackJson, chatMessageJson, messageFromJson, parseJson } from "./json.js";
import { PayloadTypes } from "./payload-types.js";
import { forEachSeed, type Random } from "./testing/random.js";

const types = PayloadTypes.none();

function isMalformed(error: unknown): boolean {
  return error instanceof ConfabError && error.code === "MALFORMED_MESSAGE";
}

function randomFacts(random: Random) {
  return {
    position: { epoch: random.int(1, 0xffff_ffff), offset: random.pick([0, 1, 2 ** 53 - 1, random.int(0, 1e12)]) },
    sentAtMs: random.pick([0, 1_000, 1_500, 1_767_323_045_006, 253_402_300_799_999, random.int(0, 4e12)]),
  };
}

test("a message's JSON is what the generated code makes of it, with and without a registered payload", () => {
  forEachSeed(1_000, (random) => {
    const { position, sentAtMs } = randomFacts(random);
    const message = {
      user: random.text(random.int(1, 64)),
      text: random.text(random.pick([0, 1, 100])),
      room: "a.b-c_1",
      id: random.pick(["", `"\\'<>`]),
    };
    const info = create(ErrorInfoSchema, { reason: random.text(5), metadata: { [random.text(2)]: random.text(3) } });
    const payload = random.oneIn(2) ? anyPack(ErrorInfoSchema, info) : undefined;
    const generated = toJson(
      ChatMessageSchema,
      create(ChatMessageSchema, {
        ...message,
        ...(payload && { payload }),
        sentAt: timestampFromMs(sentAtMs),
        position: { epoch: position.epoch, offset: BigInt(position.offset) },
      }),
      { registry: types.registry },
    );
    const ours = chatMessageJson({ ...message, payload, sentAtMs }, position, types);
    assert.deepEqual(JSON.parse(ours), generated);
    assert.equal(fromJsonString(ChatMessageSchema, ours, { registry: types.registry }).text, message.text);
  });
});

test("an acknowledgement's JSON is what the generated code makes of it", () => {
  forEachSeed(500, (random) => {
    const { position, sentAtMs } = randomFacts(random);
    const ack = { id: random.text(10), position, sentAtMs, duplicate: random.oneIn(2) };
    const generated = create(ChatResponseSchema, {
      id: ack.id,
      duplicate: ack.duplicate,
      sentAt: timestampFromMs(sentAtMs),
      position: { epoch: position.epoch, offset: BigInt(position.offset) },
    });
    assert.deepEqual(JSON.parse(ackJson(ack)), toJson(ChatResponseSchema, generated));
  });
});

test("unknown fields are ignored, whatever their name and value", () => {
  const text = '{"user":"ann","x":1,"y":{"z":[{}]},"__proto__":{"user":"bob"},"constructor":null,"toString":"no"}';
  const message = messageFromJson(ChatMessageSchema, text, types);
  assert.equal(message.user, "ann");
  assert.equal(Object.getPrototypeOf(message).user, undefined);
});

test("proto names, JSON names and numbers in strings are read", () => {
  const text = '{"user":"ann","sent_at":"2026-01-02T03:04:05Z","position":{"epoch":7,"offset":"12"}}';
  const message = messageFromJson(ChatMessageSchema, text, types);
  assert.equal(message.position?.offset, 12n);
  assert.equal(message.sentAt?.seconds, 1_767_323_045n);
});

test("a payload of an unregistered type goes through a message, a frame's send and a frame's signal", () => {
  const payload = '{"@type":"x/shop.Order","value":"CgEJ"}';
  const bytes = Uint8Array.of(10, 1, 9);
  const message = messageFromJson(ChatMessageSchema, `{"user":"a","payload":${payload}}`, types);
  assert.deepEqual([message.payload?.typeUrl, message.payload?.value], ["x/shop.Order", bytes]);
  for (const member of ["send", "signal"]) {
    const { frame } = messageFromJson(ClientFrameSchema, `{"${member}":{"user":"a","payload":${payload}}}`, types);
    assert.ok(frame.case === "send" || frame.case === "signal");
    assert.deepEqual(frame.value.payload?.value, bytes);
  }
  const signal = messageFromJson(SignalSchema, `{"user":"a","kind":"k","payload":${payload}}`, types);
  assert.deepEqual(signal.payload?.value, bytes);
});

test("payloads of several messages in a list stay with their messages, alone and in a frame", () => {
  const messages = [
    '{"text":"none"}',
    '{"payload":{"@type":"x/shop.Order","value":"CgEJ"}}',
    '{"payload":null}',
    '{"payload":{"@type":"type.googleapis.com/google.protobuf.StringValue","value":"hi"}}',
    '{"encoded_payload":{"typeUrl":"x/shop.Order","value":"CgEI"}}',
  ].join();
  const request = `{"room":"r","messages":[${messages}]}`;
  const { frame } = messageFromJson(ClientFrameSchema, `{"request":1,"send_all":${request}}`, types);
  assert.ok(frame.case === "sendAll");
  for (const batch of [messageFromJson(SendMessagesRequestSchema, request, types), frame.value]) {
    assert.deepEqual(
      batch.messages.map(({ payload, encodedPayload }) => (payload ?? encodedPayload)?.value),
      [undefined, Uint8Array.of(10, 1, 9), undefined, Uint8Array.of(10, 2, 104, 105), Uint8Array.of(10, 1, 8)],
    );
  }
  for (const [bad, why] of [
    ['{"encodedPayload":{"typeUrl":"x/a.B","value":"Cg EJ"}}', /base64/],
    ['{"payload":{"value":"CgEJ"}}', /@type/],
  ] as const) {
    assert.throws(() => messageFromJson(SendMessagesRequestSchema, `{"messages":[{},${bad}]}`, types), why);
  }
});

test("an encoded payload goes through a message, a frame's send and a frame's signal, in both spellings of its name", () => {
  const bytes = Uint8Array.of(10, 1, 9);
  for (const [name, typeUrl] of [
    ["encodedPayload", "typeUrl"],
    ["encoded_payload", "type_url"],
  ]) {
    const member = `"${name}":{"${typeUrl}":"x/shop.Order","value":"CgEJ"}`;
    const message = messageFromJson(ChatMessageSchema, `{"user":"a",${member}}`, types);
    assert.deepEqual([message.encodedPayload?.typeUrl, message.encodedPayload?.value], ["x/shop.Order", bytes]);
    for (const holder of ["send", "signal"]) {
      const { frame } = messageFromJson(ClientFrameSchema, `{"${holder}":{"user":"a",${member}}}`, types);
      assert.ok(frame.case === "send" || frame.case === "signal");
      assert.deepEqual(frame.value.encodedPayload?.value, bytes);
    }
    const lenient = `{"user":"a",${member.replace("CgEJ", "Cg EJ")}}`;
    assert.throws(() => messageFromJson(ChatMessageSchema, lenient, types), isMalformed);
    assert.throws(() => messageFromJson(ClientFrameSchema, `{"send":${lenient}}`, types), isMalformed);
    assert.throws(() => messageFromJson(SignalSchema, lenient, types), isMalformed);
  }
});

test("a message's JSON has a payload of an unregistered type in a field that every JSON codec reads", () => {
  const payload = { typeUrl: "x/shop.Order", value: Uint8Array.of(10, 1, 9) };
  const message = { user: "ann", text: "", room: "r", id: "", sentAtMs: 0, payload };
  const json = JSON.parse(chatMessageJson(message, { epoch: 1, offset: 2 }, types));
  assert.deepEqual(json.encodedPayload, { typeUrl: "x/shop.Order", value: "CgEJ" });
  assert.equal(json.payload, undefined);
  // Without a registry, as a reader that knows only the contract.
  assert.deepEqual(fromJson(ChatMessageSchema, json).encodedPayload?.value, payload.value);
});

test("a payload of null is no payload", () => {
  assert.equal(messageFromJson(ChatMessageSchema, '{"user":"a","payload":null}', types).payload, undefined);
});

const malformed: readonly (readonly [what: string, text: string | Uint8Array])[] = [
  ["nothing", ""],
  ["a word", "hello"],
  ["half an object", '{"user":"a"'],
  ["two objects", "{}{}"],
  ["a list", "[]"],
  ["a string", '"a"'],
  ["null", "null"],
  ["a number for a string", '{"user":5}'],
  ["a list for a string", '{"user":["a"]}'],
  ["null in a list's place", '{"position":[]}'],
  ["a time that is none", '{"sentAt":"yesterday"}'],
  ["a position that is negative", '{"position":{"offset":"-1"}}'],
  ["a position with a fraction", '{"position":{"offset":1.5}}'],
  ["an epoch past 32 bits", '{"position":{"epoch":4294967296}}'],
  ["a payload that is text", '{"payload":"x"}'],
  ["a payload that is a list", '{"payload":[]}'],
  ["a payload without a type", '{"payload":{"value":"AQID"}}'],
  ["a payload whose type is a number", '{"payload":{"@type":1}}'],
  ["a payload whose value is not base64", '{"payload":{"@type":"a/b","value":"*"}}'],
  ["a registered payload with a value that does not fit", '{"payload":{"@type":"x/google.rpc.ErrorInfo","reason":1}}'],
  ["half a surrogate pair as an escape", '{"user":"\\ud83d"}'],
  ["half a surrogate pair in an unknown field", '{"user":"a","x":[{"y":"\\uDE00"}]}'],
  ["half a surrogate pair deeper than any stack", `{"x":${"[".repeat(100_000)}"\\ud83d"${"]".repeat(100_000)}}`],
  ["half a surrogate pair in a name", '{"user":"a","\\ud800":1}'],
  ["a swapped surrogate pair", '{"user":"\\ude00\\ud83d"}'],
  ["bytes that are no UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)],
  ["UTF-8 of half a surrogate pair", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
];

for (const [what, text] of malformed) {
  test(`MALFORMED_MESSAGE for ${what}`, () => {
    assert.throws(() => messageFromJson(ChatMessageSchema, text, types), isMalformed);
  });
}

test("a member of a frame that is null is absent", () => {
  const { frame } = messageFromJson(ClientFrameSchema, '{"send":{"user":"a"},"pong":null,"signal":null}', types);
  assert.equal(frame.case, "send");
  assert.equal(messageFromJson(ClientFrameSchema, '{"pong":null}', types).frame.case, undefined);
});

test("MALFORMED_MESSAGE for a frame that says two things", () => {
  assert.throws(() => messageFromJson(ClientFrameSchema, '{"send":{},"signal":{}}', types), isMalformed);
});

// The fields of the payload's own type cannot be encoded without the type: they were dropped, and the message acknowledged.
test("MALFORMED_MESSAGE for the fields of a payload whose type is not registered", () => {
  for (const fields of ['"item":"tea"', '"value":5', '"value":"AQID","item":"tea"', '"value":null']) {
    const text = `{"user":"a","payload":{"@type":"x/shop.Order",${fields}}}`;
    assert.throws(() => messageFromJson(ChatMessageSchema, text, types), isMalformed, fields);
  }
});

test("a whole surrogate pair as an escape is one character, and an escaped backslash is none of one", () => {
  assert.equal(messageFromJson(ChatMessageSchema, '{"user":"\\ud83d\\ude00"}', types).user, "\u{1f600}");
  assert.equal(messageFromJson(ChatMessageSchema, '{"user":"\\\\ud83d"}', types).user, "\\ud83d");
});

// The search for half pairs used the stack: INTERNAL for 30,000 brackets.
test("objects and lists stand at most 100 deep, whatever stands in strings between them", () => {
  const nested = (depth: number, inner = "1") => `{"x":${"[".repeat(depth - 1)}${inner}${"]".repeat(depth - 1)}}`;
  const tooDeep = (error: unknown) => error instanceof ConfabError && /nested deeper than 100/.test(error.message);
  const brackets = JSON.stringify(`${"[".repeat(200)}"\\${"{".repeat(200)}`);
  for (const inner of ["1", brackets, `${brackets},"\\\\",[]`.replace(",[]", "")]) {
    assert.equal(messageFromJson(ListRoomsRequestSchema, nested(100, inner), types).prefix, "");
    assert.throws(() => messageFromJson(ListRoomsRequestSchema, nested(101, inner), types), tooDeep);
  }
  // Siblings are not depth.
  assert.equal(messageFromJson(ListRoomsRequestSchema, `{"x":[${"[],".repeat(1_000)}[]]}`, types).prefix, "");
  // What is not JSON is refused as such.
  for (const broken of [`{"x":"${"a".repeat(200)}`, `"${"\\".repeat(201)}`, `${"]".repeat(200)}`]) {
    assert.throws(() => parseJson(broken), /not JSON/);
  }
});

test("mutated JSON is read or refused by MALFORMED_MESSAGE, and nothing else is thrown", () => {
  const frame =
    '{"request":3,"send":{"user":"ann\\u00e9","text":"x","room":"r","position":{"epoch":1,"offset":"2"},"sentAt":"2026-01-02T03:04:05Z","payload":{"@type":"a/google.rpc.ErrorInfo","reason":"r","metadata":{"k":"v"}}}}';
  const counts = { read: 0, refused: 0 };
  const pieces = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\ud800",
    "null",
    "1e999",
    "-0",
    "true",
    '"@type"',
    "\0",
    "\u{1f600}",
  ];
  forEachSeed(20_000, (random) => {
    let text = frame;
    for (let i = random.int(1, 3); i > 0; i--) {
      const at = random.int(0, text.length);
      const cut = random.int(0, 4);
      text =
        text.slice(0, at) +
        (random.oneIn(2) ? random.pick(pieces as [string, ...string[]]) : "") +
        text.slice(at + cut);
    }
    try {
      messageFromJson(ClientFrameSchema, random.oneIn(2) ? text : new TextEncoder().encode(text), types);
      counts.read++;
    } catch (error) {
      assert.ok(isMalformed(error), `${text}: ${String(error)}`);
      counts.refused++;
    }
  });
  assert.ok(counts.read > 500 && counts.refused > 500, JSON.stringify(counts));
});
