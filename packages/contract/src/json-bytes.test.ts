import assert from "node:assert/strict";
import { test } from "node:test";
import { createRegistry, type DescMessage, fromJson, type JsonValue } from "@bufbuild/protobuf";
import {
  AnySchema,
  BytesValueSchema,
  file_google_protobuf_any,
  file_google_protobuf_descriptor,
  file_google_protobuf_wrappers,
  UninterpretedOptionSchema,
} from "@bufbuild/protobuf/wkt";
import { EncodedPayloadSchema, file_confab_v1_message } from "./gen/confab/v1/message_pb.js";
import { checkJsonBytes } from "./json-bytes.js";

const registry = createRegistry(
  file_google_protobuf_any,
  file_google_protobuf_wrappers,
  file_google_protobuf_descriptor,
  file_confab_v1_message,
);

/** Whether the check takes it; the Protobuf runtime takes all of these. */
function isTaken(desc: DescMessage, json: JsonValue): boolean {
  fromJson(desc, json, { registry });
  try {
    checkJsonBytes(desc, json, registry);
    return true;
  } catch (error) {
    assert.equal((error as { code?: unknown }).code, "MALFORMED_MESSAGE");
    return false;
  }
}

for (const text of ["", "aGk=", "aGk", "aGkh", "-_-_", "+/+/", "-_8", "QQ==", "QQ"]) {
  test(`${JSON.stringify(text)} is base64`, () => assert.ok(isTaken(EncodedPayloadSchema, { value: text })));
}

for (const text of [
  "hello world",
  " aGk=",
  "aGk=\n",
  "aG k",
  "Q=",
  "QQ==QQ==",
  "aGk=aGk=",
  "+_+_",
  "aGkh====",
  "QQ=",
  "aGkhQ=",
]) {
  test(`${JSON.stringify(text)} is not base64`, () => assert.ok(!isTaken(EncodedPayloadSchema, { value: text })));
}

test("bytes are found by both names, in a wrapper and in an Any, in lists and in messages within messages", () => {
  const bad = "hello world";
  const type = (name: string) => `type.googleapis.com/${name}`;
  const places: readonly (readonly [DescMessage, (text: string) => JsonValue])[] = [
    [BytesValueSchema, (text) => text],
    [UninterpretedOptionSchema, (text) => ({ stringValue: text })],
    [UninterpretedOptionSchema, (text) => ({ string_value: text })],
    [AnySchema, (text) => ({ "@type": type("google.protobuf.BytesValue"), value: text })],
    [AnySchema, (text) => ({ "@type": type("confab.v1.EncodedPayload"), typeUrl: "a/b", value: text })],
    [
      AnySchema,
      (text) => ({
        "@type": type("google.protobuf.Any"),
        value: { "@type": type("google.protobuf.BytesValue"), value: text },
      }),
    ],
    [
      AnySchema,
      (text) => ({
        "@type": type("confab.v1.ChatMessage"),
        encodedPayload: { typeUrl: "a/b", value: text },
      }),
    ],
  ];
  for (const [desc, at] of places) {
    assert.ok(isTaken(desc, at("aGk=")), JSON.stringify(at("aGk=")));
    assert.ok(!isTaken(desc, at(bad)), JSON.stringify(at(bad)));
  }
});

test("null has no bytes, and text that is not bytes is not looked at", () => {
  assert.ok(isTaken(EncodedPayloadSchema, { value: null, typeUrl: "hello world" }));
  assert.ok(isTaken(AnySchema, { "@type": "x/google.protobuf.StringValue", value: "hello world" }));
});
