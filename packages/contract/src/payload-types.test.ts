import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  anyPack,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { ConfabError } from "./errors.js";
import { PositionSchema } from "./gen/confab/v1/message_pb.js";
import { PayloadTypes } from "./payload-types.js";

/** `message Order { string item = 1; }` in package shop, as a descriptor set. */
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
              {
                name: "item",
                jsonName: "item",
                number: 1,
                type: FieldDescriptorProto_Type.STRING,
                label: FieldDescriptorProto_Label.OPTIONAL,
              },
            ],
          },
        ],
      },
    ],
  }),
);

const tea = { typeUrl: "example.com/shop.Order", value: Uint8Array.of(0x0a, 3, 0x74, 0x65, 0x61) };
const teaJson = { "@type": "example.com/shop.Order", item: "tea" };

function shopTypes(violations: readonly string[] = []): PayloadTypes {
  return PayloadTypes.fromDescriptorSet(shop, () =>
    violations.map((field) => ({ field, rule: "string.min_len", message: "too short" })),
  );
}

function hasCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("a payload of a registered type is shown in full and read back to the same bytes", () => {
  const types = shopTypes();
  assert.deepEqual(types.toJson(tea), teaJson);
  assert.deepEqual(new Uint8Array(types.fromJson({ ...teaJson }).value), tea.value);
  types.check(tea);
});

test("a payload of an unregistered type has no JSON of its type, and is read from its type and base64", () => {
  const types = PayloadTypes.none();
  assert.equal(types.toJson(tea), undefined);
  assert.deepEqual(types.fromJson({ "@type": "example.com/shop.Order", value: "CgN0ZWE=" }), tea);
  assert.deepEqual(types.fromJson({ "@type": "a/b" }), { typeUrl: "a/b", value: new Uint8Array(0) });
  types.check(tea);
});

// "hello world" was read as base64, and eight bytes that the sender did not mean were acknowledged.
const notBase64: readonly (readonly [what: string, value: string])[] = [
  ["a text", "hello world"],
  ["a space", "CgN0 ZWE="],
  ["a line break at the end", "CgN0ZWE=\n"],
  ["no padding", "CgN0ZWE"],
  ["padding in the middle", "Cg==N0ZW"],
  ["the alphabet for URLs", "CgN-_-o="],
  ["unused bits that are not zero", "CgN0ZWF="],
];

for (const [what, value] of notBase64) {
  test(`MALFORMED_MESSAGE for base64 of an unregistered type with ${what}`, () => {
    const json = { "@type": "example.com/shop.Order", value };
    assert.throws(() => PayloadTypes.none().fromJson(json), hasCode("MALFORMED_MESSAGE"));
  });
}

test("base64 of an unregistered type may be as long as the largest message", () => {
  const value = "A".repeat(8_000_000);
  assert.equal(PayloadTypes.none().fromJson({ "@type": "a/b", value }).value.length, 6_000_000);
  assert.throws(
    () => PayloadTypes.none().fromJson({ "@type": "a/b", value: `${value} ` }),
    hasCode("MALFORMED_MESSAGE"),
  );
});

test("MALFORMED_MESSAGE for a value of an unregistered type that is not well-formed Protobuf", () => {
  for (const value of [[0xff], [0x0a, 9], [0x01, 2, 3], [0x0b], [0x0c], [0x08], [0x0f]]) {
    const payload = { typeUrl: tea.typeUrl, value: Uint8Array.from(value) };
    assert.throws(() => PayloadTypes.none().check(payload), hasCode("MALFORMED_MESSAGE"), String(value));
  }
  PayloadTypes.none().check({ typeUrl: tea.typeUrl, value: Uint8Array.of(0x0b, 0x08, 1, 0x0c) });
});

test("INVALID_MESSAGE for a type's URL that is malformed, whether the type is registered or not", () => {
  for (const typeUrl of [
    "shop.Order",
    "",
    "/",
    "a/",
    "a/.shop.Order",
    "a/shop.",
    "a/shop..Order",
    "a/9",
    "a b/c",
    "a/é",
  ])
    assert.throws(() => shopTypes().check({ typeUrl, value: tea.value }), hasCode("INVALID_MESSAGE"), typeUrl);
  for (const typeUrl of ["/shop.Order", "https://example.com/types/shop.Order", "a/b", "a/_.B9"])
    shopTypes().check({ typeUrl, value: tea.value });
});

test("a payload of a registered type that comes as base64 keeps its bytes", () => {
  const types = shopTypes();
  const payload = types.fromJson({ "@type": "example.com/shop.Order", value: "CgN0ZWE=" });
  assert.deepEqual([payload.typeUrl, new Uint8Array(payload.value)], [tea.typeUrl, tea.value]);
});

test("the contract's own messages are registered", () => {
  const packed = anyPack(PositionSchema, create(PositionSchema, { epoch: 3, offset: 4n }));
  assert.deepEqual(PayloadTypes.none().toJson(packed), { "@type": packed.typeUrl, epoch: 3, offset: "4" });
});

/** Each well-known type that has a JSON form, with a value whose JSON a lenient reader takes for base64. */
const wellKnown: readonly (readonly [type: string, json: object])[] = [
  ["StringValue", { value: "hello world" }],
  ["BytesValue", { value: "aGk=" }],
  ["BoolValue", { value: true }],
  ["Int64Value", { value: "1234" }],
  ["DoubleValue", { value: "NaN" }],
  ["Duration", { value: "1s" }],
  ["Timestamp", { value: "2026-01-02T03:04:05Z" }],
  ["FieldMask", { value: "user,sentAt" }],
  ["Struct", { value: { a: [1, null, "abcd"] } }],
  ["Value", { value: "abcd" }],
  ["ListValue", { value: ["abcd"] }],
  ["Empty", {}],
  ["Any", { value: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "abcd" } }],
];

for (const [type, json] of wellKnown) {
  test(`google.protobuf.${type} is registered in every server`, () => {
    const whole = { "@type": `type.googleapis.com/google.protobuf.${type}`, ...json };
    const payload = PayloadTypes.none().fromJson(whole);
    PayloadTypes.none().check(payload);
    assert.deepEqual(PayloadTypes.none().toJson(payload), whole);
    assert.deepEqual(shopTypes().toJson(payload), whole);
  });
}

test("MALFORMED_MESSAGE for a well-known type whose value does not fit it", () => {
  for (const [type, value] of [
    ["Duration", "soon"],
    ["StringValue", 5],
    ["BoolValue", "yes"],
    ["Timestamp", "now"],
  ]) {
    const json = { "@type": `type.googleapis.com/google.protobuf.${type}`, value: value ?? "" };
    assert.throws(() => PayloadTypes.none().fromJson(json), hasCode("MALFORMED_MESSAGE"), String(type));
  }
});

test("MALFORMED_MESSAGE for bytes that are not of the registered type", () => {
  assert.throws(() => shopTypes().check({ ...tea, value: Uint8Array.of(0x0a, 9) }), hasCode("MALFORMED_MESSAGE"));
});

test("what was stored and does not decode as its type has no JSON of its type", () => {
  assert.equal(shopTypes().toJson({ ...tea, value: Uint8Array.of(0x0a, 9) }), undefined);
});

test("INVALID_MESSAGE names the payload's fields within the message", () => {
  assert.throws(
    () => shopTypes(["item", ""]).check(tea),
    (error: unknown) => {
      assert.ok(error instanceof ConfabError && error.code === "INVALID_MESSAGE");
      assert.deepEqual(
        error.facts.violations?.map(({ field }) => field),
        ["payload.item", "payload"],
      );
      return true;
    },
  );
});

test("a descriptor set that is none, or lacks a file it needs, stops the start", () => {
  assert.throws(() => PayloadTypes.fromDescriptorSet(Uint8Array.of(0xff), () => []));
  const lacking = create(FileDescriptorSetSchema, { file: [{ name: "a.proto", dependency: ["b.proto"] }] });
  assert.throws(() => PayloadTypes.fromDescriptorSet(toBinary(FileDescriptorSetSchema, lacking), () => []));
});

test("a type keeps the URL its sender gave it", () => {
  assert.equal(shopTypes().fromJson({ ...teaJson }).typeUrl, "example.com/shop.Order");
});

test("the payload of JSON is left as it was", () => {
  const json = { ...teaJson };
  shopTypes().fromJson(json);
  assert.deepEqual(json, teaJson);
});
