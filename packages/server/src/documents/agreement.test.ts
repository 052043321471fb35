import assert from "node:assert/strict";
import { after, before, describe, it, test } from "node:test";
import { create, getOption, hasOption, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import * as rules from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { PayloadTypes } from "@confab/contract";
import { file_confab_v1_chat_service } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { violationsOf } from "@confab/contract/validation";
import { Ajv } from "ajv";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { FrameClient, FrameServer } from "../testing/fake-channel.js";
import { type RestTestServer, restTestServer } from "../testing/rest-test-server.js";
import { asyncApiDocument } from "./asyncapi.js";
import { crossFieldRules } from "./cross-field.js";
import { openApiDocument } from "./openapi.js";

// A validator with the documents' schemas takes what the server takes, and refuses what it refuses.

/** `message Order { string item = 1; }` in package shop. */
const shop = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "shop.proto",
        package: "shop",
        syntax: "proto3",
        messageType: [
          {
            name: "Order",
            field: [
              { name: "item", jsonName: "item", number: 1, type: Type.STRING, label: Label.OPTIONAL },
              { name: "pieces", jsonName: "pieces", number: 2, type: Type.UINT32, label: Label.OPTIONAL },
            ],
          },
        ],
      },
    ],
  }),
);

const google = (type: string) => `type.googleapis.com/google.protobuf.${type}`;
const payloads = {
  text: { "@type": google("StringValue"), value: "hello world" },
  unknown: { "@type": "x/shop.Nothing", value: "CAE=" },
  order: { "@type": "x/shop.Order", item: "tea", pieces: 3 },
};
const encoded = { typeUrl: "x/shop.Nothing", value: "CAE=" };

/** Payloads, and whether the server takes a message that has nothing else. */
const payloadInputs: readonly (readonly [payload: unknown, isTaken: boolean])[] = [
  [payloads.text, true],
  [payloads.unknown, true],
  [payloads.order, true],
  [null, false],
  [{}, false],
  ["text", false],
  [[], false],
  [{ value: "CAE=" }, false],
  [{ "@type": "" }, false],
  [{ "@type": 5 }, false],
  [{ "@type": "shop.Order", item: "tea" }, false],
  [{ "@type": "shop.Nothing", value: "CAE=" }, false],
  [{ "@type": "x/shop.Nothing" }, true],
  [{ "@type": "x/shop.Nothing", value: "hello world" }, false],
  [{ "@type": "x/shop.Nothing", value: "CAE" }, false],
  [{ "@type": "x/shop.Nothing", value: 5 }, false],
  [{ "@type": "x/shop.Nothing", item: "tea" }, false],
  [{ "@type": "x/shop.Order" }, true],
  [{ "@type": "x/shop.Order", value: "CgN0ZWE=" }, true],
  [{ "@type": "x/shop.Order", value: "hello world" }, false],
  [{ "@type": "x/shop.Order", item: 5 }, false],
  [{ "@type": "x/shop.Order", item: null }, true],
  [{ "@type": "x/shop.Order", pieces: "3" }, true],
  [{ "@type": "x/shop.Order", pieces: "many" }, false],
  [{ "@type": "x/shop.Order", pieces: -1 }, false],
  [{ "@type": google("StringValue") }, false],
  [{ "@type": google("StringValue"), value: 5 }, false],
  [{ "@type": google("Duration"), value: "1s" }, true],
  [{ "@type": google("Duration"), value: "soon" }, false],
  [{ "@type": google("Timestamp"), value: "2026-01-02T03:04:05Z" }, true],
  [{ "@type": google("Timestamp"), value: "now" }, false],
  [{ "@type": google("BoolValue"), value: true }, true],
  [{ "@type": google("BoolValue"), value: "yes" }, false],
  [{ "@type": google("Struct"), value: { a: 1 } }, true],
  [{ "@type": google("Struct"), value: [] }, false],
  [{ "@type": google("ListValue"), value: [] }, true],
  [{ "@type": google("Empty") }, true],
  [{ "@type": google("Any"), value: payloads.text }, true],
  [{ "@type": google("Any"), value: {} }, true],
  [{ "@type": google("Any"), value: payloads.unknown }, false],
  [{ "@type": "x/confab.v1.Position", epoch: 3, offset: "4" }, true],
  [{ "@type": "x/confab.v1.Position", epoch: "x" }, false],
  [{ "@type": "x/confab.v1.ChatMessage", user: "ann", text: "hi" }, true],
  [{ "@type": "x/confab.v1.ChatMessage", user: "" }, false],
];

const encodedInputs: readonly (readonly [encodedPayload: unknown, isTaken: boolean])[] = [
  [encoded, true],
  [null, false],
  [{}, false],
  [{ typeUrl: "x/a.B" }, true],
  [{ typeUrl: "a.B" }, false],
  [{ typeUrl: "x/a.B", value: "CA E=" }, false],
  [{ typeUrl: "x/a.B", value: "CAE" }, false],
  [{ typeUrl: "x/a.B", value: null }, true],
  [{ value: "CAE=" }, false],
  ["CAE=", false],
];

const messages: readonly (readonly [message: unknown, isTaken: boolean])[] = [
  [{ user: "ann", text: "hi" }, true],
  [
    {
      user: "ann",
      text: "hi",
      payload: null,
      encodedPayload: null,
      room: null,
      id: null,
      position: null,
      sentAt: null,
    },
    true,
  ],
  [{ user: "ann", text: "" }, false],
  [{ user: "ann", text: null }, false],
  [{ user: "ann" }, false],
  [{ text: "hi" }, false],
  [{ user: null, text: "hi" }, false],
  [{ user: 5, text: "hi" }, false],
  [{ user: " ", text: "hi" }, false],
  [{ user: "ann\u200b", text: "hi" }, false],
  [{ user: "x".repeat(64), text: "hi" }, true],
  [{ user: "x".repeat(65), text: "hi" }, false],
  [{ user: "👩".repeat(64), text: "hi" }, true],
  [{ user: "ann", text: ["hi"] }, false],
  [{ user: "ann", text: "hi", id: "a b" }, false],
  [{ user: "ann", text: "hi", position: { epoch: 1, offset: "5" }, sentAt: "2026-01-02T03:04:05Z" }, true],
  [{ user: "ann", text: "hi", position: { epoch: "1", offset: 5 } }, true],
  [{ user: "ann", text: "hi", position: { epoch: -1 } }, false],
  [{ user: "ann", text: "hi", position: { epoch: 4_294_967_296 } }, false],
  [{ user: "ann", text: "hi", position: { epoch: "4294967296" } }, false],
  [{ user: "ann", text: "hi", position: "1:5" }, false],
  [{ user: "ann", text: "hi", sentAt: "yesterday" }, false],
  [{ user: "ann", text: "hi", mood: { deep: [1] } }, true],
  [{ user: "ann", text: "hi", payload: payloads.text, encodedPayload: encoded }, false],
  [{ user: "ann", payload: payloads.text, encoded_payload: encoded }, false],
  [{ user: "ann", encoded_payload: encoded }, true],
  [[], false],
  ["text", false],
  [5, false],
  ...payloadInputs.map(([payload, isTaken]) => [{ user: "ann", payload }, isTaken] as const),
  ...encodedInputs.map(([encodedPayload, isTaken]) => [{ user: "ann", encodedPayload }, isTaken] as const),
];

const signals: readonly (readonly [signal: unknown, isTaken: boolean])[] = [
  [{ user: "ann", kind: "typing" }, true],
  [{ user: "ann", kind: "typing", position: { epoch: 1, offset: "9007199254740991" } }, true],
  [{ user: "ann", kind: "typing", position: { epoch: 1, offset: "9007199254740992" } }, false],
  [{ user: "ann", kind: "typing", position: { epoch: 1, offset: "9999999999999999" } }, false],
  [{ user: "ann", kind: "Typing" }, false],
  [{ user: "ann" }, false],
  [{ kind: "typing" }, false],
  [{ user: "\u202e", kind: "typing" }, false],
  [{ user: "ann", kind: "typing", payload: payloads.text, encodedPayload: encoded }, false],
  ...payloadInputs.map(
    ([payload, isTaken]) => [{ user: "ann", kind: "k", payload }, isTaken || payload === null] as const,
  ),
];

const batches: readonly (readonly [batch: unknown, isTaken: boolean])[] = [
  [{ messages: [{ user: "ann", text: "hi" }] }, true],
  [
    {
      messages: [
        { user: "ann", text: "hi", room: "hall" },
        { user: "ann", encodedPayload: encoded },
      ],
    },
    true,
  ],
  [{ messages: [{ user: "ann", text: "hi" }, { user: "ann" }] }, false],
  [{ messages: [{ user: "ann", text: "hi" }, null] }, false],
  [{ messages: { user: "ann", text: "hi" } }, false],
  [{ messages: [] }, false],
  [{ messages: null }, false],
  [{}, false],
  [{ messages: [{ user: "ann", text: "hi" }], expected: null }, true],
  [{ messages: [{ user: "ann", text: "hi" }], expected: "7:1" }, false],
  [{ messages: [{ user: "ann", text: "hi" }], expected: { epoch: 7, offset: "9007199254740992" } }, false],
];

const reader = { room: "hall", name: "ann" };

/** Frames that are refused as such; a frame that is taken may still fail for what it asks. */
const frames: readonly (readonly [frame: unknown, isTaken: boolean])[] = [
  [{ request: 1, subscribe: { reader } }, true],
  [{ request: "1", subscribe: { reader, presence: null, signals: true } }, true],
  [{ request: 1, subscribe: {} }, true],
  [{ request: 1, subscribe: { reader: { ...reader, history: 1_000 } } }, true],
  [{ request: 1, subscribe: { reader: { ...reader, history: 1_001 } } }, false],
  [{ request: 1, subscribe: { reader: { ...reader, history: "1001" } } }, false],
  [{ request: 1, subscribe: { reader: { ...reader, history: 1, after: { epoch: 7 } } } }, false],
  [{ request: 1, subscribe: { reader: { ...reader, history: 0, after: { epoch: 7 } } } }, true],
  [{ request: 1, subscribe: { reader: { ...reader, history: "0", after: { epoch: 7 } } } }, true],
  [{ request: 1, subscribe: { reader: { ...reader, history: 5, after: null } } }, true],
  [{ request: 1, subscribe: { reader: { name: "\u200b" } } }, false],
  [{ request: 1, subscribe: { reader: { name: "" } } }, true],
  [{ request: 1, subscribe: { reader: { room: "a/b" } } }, false],
  [{ request: 1, history: { after: { epoch: 7 }, before: { epoch: 7, offset: "1" } } }, false],
  [{ request: 1, history: { after: { epoch: 7 }, before: null } }, true],
  [{ request: 1, history: { limit: 1_001 } }, false],
  [{ request: 1, send: { user: "ann", text: "hi" } }, true],
  [{ request: 1, send: { user: "ann" } }, false],
  [{ request: 1, sendAll: { messages: [{ user: "ann", text: "hi" }] } }, true],
  [{ request: 1, sendAll: { messages: [] } }, false],
  [{ request: 1, signal: { user: "ann", kind: "typing" } }, true],
  [{ request: 1, send: { user: "ann", text: "hi" }, pong: {} }, false],
  [{ request: 1, send: { user: "ann", text: "hi" }, pong: null }, true],
  [{ request: 1 }, false],
  [{ request: -1, pong: {} }, false],
  [{ request: 4_294_967_296, pong: {} }, false],
  [{ request: 1, authenticate: { token: "t" } }, true],
  [{ request: 1, shout: {} }, false],
];

const types = PayloadTypes.fromDescriptorSet(shop, violationsOf);

function validatorFrom(ajv: Ajv, document: object, name: string): ValidateFunction {
  formats.default(ajv);
  ajv.addVocabulary(["components"]);
  ajv.addSchema({ $id: "document", components: (document as { components: object }).components }, "document");
  return ajv.compile({ $ref: `document#/components/schemas/${name}` });
}

const strict = { strict: true, strictRequired: false, allowUnionTypes: true } as const;

describe("a validator with the schemas of /openapi.json", () => {
  let server: RestTestServer;
  before(async () => {
    server = await restTestServer({ types, limits: { maxSignalsPerSecond: 1_000 } });
  });
  after(() => server.close());

  for (const [name, path, inputs] of [
    ["ChatMessage", "/v1/rooms/hall/messages", messages],
    ["SendMessagesRequest", "/v1/rooms/hall/messages:batch", batches],
    ["Signal", "/v1/rooms/hall/signals", signals],
  ] as const) {
    const validate = validatorFrom(new Ajv2020(strict), openApiDocument({ version: "1", types }), `confab.v1.${name}`);
    for (const [input, isTaken] of inputs) {
      const body = JSON.stringify(input);
      it(`${isTaken ? "takes" : "refuses"} the ${name} ${body.slice(0, 120)}, as the server does`, async () => {
        const headers = { "content-type": "application/json" };
        const response = await fetch(server.origin + path, { method: "POST", headers, body });
        const answer = await response.text();
        assert.deepEqual([response.status, validate(input)], isTaken ? [200, true] : [400, false], answer);
      });
    }
  }
});

describe("a validator with the schemas of /asyncapi.json", () => {
  // AsyncAPI's schemas are of draft-07.
  const validate = validatorFrom(
    new Ajv(strict),
    asyncApiDocument({ version: "1", types: PayloadTypes.none(), isTls: false }),
    "confab.v1.ClientFrame",
  );
  for (const [input, isTaken] of frames) {
    const text = JSON.stringify(input);
    it(`${isTaken ? "takes" : "refuses"} the frame ${text.slice(0, 120)}, as the server does`, async () => {
      const server = new FrameServer();
      const client = new FrameClient(server, "json");
      client.session.receive(Buffer.from(text));
      await server.settle();
      const refusals = [...client.errors, ...(client.channel.closedWith ? [client.channel.closedWith.code] : [])];
      const isRefused = refusals.some((refusal) => /MALFORMED_MESSAGE|INVALID_MESSAGE/.test(refusal));
      assert.deepEqual([!isRefused, validate(input)], [isTaken, isTaken], refusals.join());
    });
  }
});

test("every rule of the contract over several fields is a schema", () => {
  const files = [file_confab_v1_chat_service, ...file_confab_v1_chat_service.dependencies];
  const messagesWithRules = files
    .flatMap((file) => [...nestedTypes(file)])
    .filter((type) => type.kind === "message")
    .filter((message) => message.typeName.startsWith("confab.v1.") && hasOption(message, rules.message));
  assert.ok(messagesWithRules.length >= 4);
  for (const message of messagesWithRules) {
    const ids = getOption(message, rules.message).cel.map(({ id }) => id);
    const { schemas } = crossFieldRules(message);
    assert.equal(schemas.length, ids.length, `${message.typeName}: cross-field.ts lacks one of ${ids.join(", ")}`);
  }
});
