import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type RawSender, rawSenders } from "./raw-senders.js";

// Payloads on every transport: what is acknowledged is what was sent, and what cannot be kept as it was sent is refused.
// Base64 was read leniently: the StringValue "hello world" was acknowledged, and read back as "helloworlQ==".

const google = (type: string) => `type.googleapis.com/google.protobuf.${type}`;
const shopOrder = "type.googleapis.com/shop.Order";

const inJson = rawSenders.filter(({ format }) => format === "json");
const inProto = rawSenders.filter(({ format }) => format === "proto");

/** JSON payloads that are taken, with the payload that a JSON reader then gets. */
const taken: readonly (readonly [what: string, member: object, read: object])[] = [
  ["a StringValue", { payload: { "@type": google("StringValue"), value: "hello world" } }, {}],
  ["a StringValue that looks like base64", { payload: { "@type": google("StringValue"), value: "abcd" } }, {}],
  ["a Duration", { payload: { "@type": google("Duration"), value: "1s" } }, {}],
  ["a Struct", { payload: { "@type": google("Struct"), value: { value: "abcd" } } }, {}],
  [
    "base64 of an unknown type",
    { payload: { "@type": shopOrder, value: "CgN0ZWE=" } },
    { encodedPayload: { typeUrl: shopOrder, value: "CgN0ZWE=" } },
  ],
  ["an encoded payload of an unknown type", { encodedPayload: { typeUrl: shopOrder, value: "CgN0ZWE=" } }, {}],
  [
    "an encoded payload of a well-known type",
    { encodedPayload: { typeUrl: google("StringValue"), value: "CgNoZXk=" } },
    { payload: { "@type": google("StringValue"), value: "hey" } },
  ],
  [
    "an unknown type without fields",
    { payload: { "@type": "x/a.B" } },
    { encodedPayload: { typeUrl: "x/a.B", value: "" } },
  ],
];

/** JSON payloads that are refused. */
const refused: readonly (readonly [what: string, member: object, code: string])[] = [
  [
    "a text in the field `value` of an unknown type",
    { payload: { "@type": shopOrder, value: "hello world" } },
    "MALFORMED_MESSAGE",
  ],
  ["base64 without padding", { payload: { "@type": shopOrder, value: "CgN0ZWE" } }, "MALFORMED_MESSAGE"],
  ["base64 for URLs", { payload: { "@type": shopOrder, value: "CgN-_-o=" } }, "MALFORMED_MESSAGE"],
  ["base64 with a line break", { payload: { "@type": shopOrder, value: "CgN0\nZWE=" } }, "MALFORMED_MESSAGE"],
  ["base64 of bytes that are not Protobuf", { payload: { "@type": shopOrder, value: "abcd" } }, "MALFORMED_MESSAGE"],
  [
    "lenient base64 in an encoded payload",
    { encodedPayload: { typeUrl: shopOrder, value: "CgN0 ZWE=" } },
    "MALFORMED_MESSAGE",
  ],
  [
    "bytes that are not base64",
    { payload: { "@type": google("BytesValue"), value: "hello world" } },
    "MALFORMED_MESSAGE",
  ],
  ["a Duration that is not one", { payload: { "@type": google("Duration"), value: "soon" } }, "MALFORMED_MESSAGE"],
  ["a type without a slash", { payload: { "@type": "shop.Order", value: "CgN0ZWE=" } }, "INVALID_MESSAGE"],
  [
    "a known type without a slash",
    { payload: { "@type": "google.protobuf.StringValue", value: "hi" } },
    "INVALID_MESSAGE",
  ],
  ["an encoded payload without a type", { encodedPayload: { value: "CgN0ZWE=" } }, "INVALID_MESSAGE"],
  [
    "both kinds of payload",
    { payload: { "@type": google("Empty") }, encodedPayload: { typeUrl: shopOrder, value: "" } },
    "INVALID_MESSAGE",
  ],
];

const tea = Uint8Array.of(0x0a, 3, 0x74, 0x65, 0x61);

/** The same in Protobuf. */
const refusedProto: readonly (readonly [
  what: string,
  init: MessageInitShape<typeof ChatMessageSchema>,
  code: string,
])[] = [
  ["a type without a slash", { payload: { typeUrl: "shop.Order", value: tea } }, "INVALID_MESSAGE"],
  ["an encoded payload without a slash", { encodedPayload: { typeUrl: "shop.Order", value: tea } }, "INVALID_MESSAGE"],
  ["a type that ends with a slash", { payload: { typeUrl: "type.googleapis.com/", value: tea } }, "INVALID_MESSAGE"],
  ["bytes that are not Protobuf", { payload: { typeUrl: shopOrder, value: Uint8Array.of(0xff) } }, "MALFORMED_MESSAGE"],
  [
    "bytes that are not of their well-known type",
    { payload: { typeUrl: google("StringValue"), value: Uint8Array.of(0x0a, 9) } },
    "MALFORMED_MESSAGE",
  ],
  [
    "both kinds of payload",
    { payload: { typeUrl: shopOrder, value: tea }, encodedPayload: { typeUrl: shopOrder, value: tea } },
    "INVALID_MESSAGE",
  ],
];

describe("a payload", () => {
  let server: ServerProcess;
  let rooms = 0;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  /** Send one message by each transport to one new room; the outcomes, and the room's messages after that. */
  const sendByEach = async (senders: readonly RawSender[], encode: (room: string) => Uint8Array) => {
    const room = `payloads-${++rooms}`;
    const outcomes = new Map<string, string>();
    for (const { name, send } of senders) outcomes.set(name, await send(server.url, encode(room)));
    const page = await fetch(`${server.url}/v1/rooms/${room}/messages`);
    const { messages = [] } = (await page.json()) as { messages?: Record<string, unknown>[] };
    return { room, outcomes, messages };
  };
  const each = (senders: readonly RawSender[], code: string) => new Map(senders.map(({ name }) => [name, code]));
  const jsonOf = (member: object) => (room: string) => Buffer.from(JSON.stringify({ user: "ann", room, ...member }));

  for (const [what, member, read] of taken) {
    it(`of ${what} is read back as it was sent`, async () => {
      const { outcomes, messages } = await sendByEach(inJson, jsonOf(member));
      assert.deepEqual(outcomes, each(inJson, "stored"));
      assert.equal(messages.length, inJson.length);
      const expected = { ...(Object.keys(read).length > 0 ? read : member) };
      for (const { payload, encodedPayload } of messages)
        assert.deepEqual({ ...(payload ? { payload } : {}), ...(encodedPayload ? { encodedPayload } : {}) }, expected);
    });
  }

  for (const [what, member, code] of refused) {
    it(`with ${what} is refused in JSON with ${code}, and nothing is stored`, async () => {
      const { outcomes, messages } = await sendByEach(inJson, jsonOf(member));
      assert.deepEqual(outcomes, each(inJson, code));
      assert.deepEqual(messages, []);
    });
  }

  for (const [what, init, code] of refusedProto) {
    it(`with ${what} is refused in Protobuf with ${code}, and nothing is stored`, async () => {
      const encode = (room: string) =>
        toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", room, ...init }));
      const { outcomes, messages } = await sendByEach(inProto, encode);
      assert.deepEqual(outcomes, each(inProto, code));
      assert.deepEqual(messages, []);
    });
  }

  it("that was sent encoded in Protobuf is an ordinary payload for Protobuf readers", async () => {
    const encodedPayload = { typeUrl: shopOrder, value: tea };
    const { room, outcomes } = await sendByEach(inProto, (to) =>
      toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", room: to, encodedPayload })),
    );
    assert.deepEqual(outcomes, each(inProto, "stored"));
    const response = await fetch(`${server.url}/confab.v1.ChatService/GetHistory`, {
      method: "POST",
      headers: { "content-type": "application/proto" },
      body: Buffer.from(toBinary(GetHistoryRequestSchema, create(GetHistoryRequestSchema, { room }))),
    });
    const page = fromBinary(GetHistoryResponseSchema, new Uint8Array(await response.arrayBuffer()));
    for (const { payload, encodedPayload: encoded } of page.messages) {
      assert.deepEqual([payload?.typeUrl, payload?.value], [shopOrder, tea]);
      assert.equal(encoded, undefined);
    }
  });
});
