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

test("a payload of an unregistered type is its type and base64, both ways", () => {
  const types = PayloadTypes.none();
  const json = { "@type": "example.com/shop.Order", value: "CgN0ZWE=" };
  assert.deepEqual(types.toJson(tea), json);
  assert.deepEqual(types.fromJson({ ...json }), tea);
  assert.deepEqual(types.fromJson({ "@type": "a/b" }), { typeUrl: "a/b", value: new Uint8Array(0) });
  types.check({ typeUrl: "example.com/shop.Order", value: Uint8Array.of(0xff) });
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

test("MALFORMED_MESSAGE for bytes that are not of the registered type", () => {
  assert.throws(() => shopTypes().check({ ...tea, value: Uint8Array.of(0x0a, 9) }), hasCode("MALFORMED_MESSAGE"));
});

test("what was stored and does not decode as its type is shown as base64 instead of lost", () => {
  const payload = { ...tea, value: Uint8Array.of(0x0a, 9) };
  assert.deepEqual(shopTypes().toJson(payload), { "@type": tea.typeUrl, value: "Cgk=" });
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

test("a type keeps the URL its sender gave it, and gets the usual one if that was only a name", () => {
  const types = shopTypes();
  assert.equal(types.fromJson({ ...teaJson }).typeUrl, "example.com/shop.Order");
  assert.equal(types.fromJson({ ...teaJson, "@type": "shop.Order" }).typeUrl, "type.googleapis.com/shop.Order");
});

test("the payload of JSON is left as it was", () => {
  const json = { ...teaJson };
  shopTypes().fromJson(json);
  assert.deepEqual(json, teaJson);
});
