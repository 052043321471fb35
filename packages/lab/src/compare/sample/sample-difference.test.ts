import assert from "node:assert/strict";
import { it } from "node:test";
import { create, type JsonObject, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { sampleDifference } from "./sample-difference.js";

/** `message T` with these fields; `list` ones are repeated. */
function differenceOf(
  json: JsonObject,
  fields: Readonly<Record<string, { type: Type; list?: boolean; json?: string }>>,
) {
  const field = Object.entries(fields).map(([name, { type, list, json: jsonName }], index) => ({
    name,
    number: index + 1,
    type,
    label: list ? Label.REPEATED : Label.OPTIONAL,
    jsonName: jsonName ?? name,
    ...(type === Type.ENUM && { typeName: ".E" }),
    ...(type === Type.MESSAGE && { typeName: ".T" }),
  }));
  const value = ["E_NONE", "E_ONE"].map((name, number) => ({ name, number }));
  const file = {
    name: "t.proto",
    syntax: "proto3",
    messageType: [{ name: "T", field }],
    enumType: [{ name: "E", value }],
  };
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
  const descriptorSetBase64 = Buffer.from(set).toString("base64");
  return sampleDifference({ kind: "typed", user: "ann", typeName: "T", json, descriptorSetBase64 });
}

// Fields that are one in generated code took each other's values, and nobody noticed.
it("a value that comes back as another is told with its place", () => {
  const twins = { foo_bar: { type: Type.INT32, json: "foo_bar" }, fooBar: { type: Type.INT32 } };
  assert.equal(differenceOf({ foo_bar: 1, fooBar: 2 }, twins), "foo_bar: 1 comes back as 2");
  const nested = { ...twins, t: { type: Type.MESSAGE, list: true } };
  assert.equal(differenceOf({ t: [{}, { foo_bar: 3, fooBar: 4 }] }, nested), "t[1].foo_bar: 3 comes back as 4");
});

it("the spellings that proto3 JSON has for one value are no difference", () => {
  const fields = {
    big: { type: Type.INT64 },
    float: { type: Type.FLOAT },
    double: { type: Type.DOUBLE, list: true },
    bytes: { type: Type.BYTES },
    e: { type: Type.ENUM, list: true },
    text: { type: Type.STRING },
    two_words: { type: Type.BOOL, json: "twoWords" },
    t: { type: Type.MESSAGE },
  };
  const same = (json: JsonObject) => assert.equal(differenceOf(json, fields), undefined, JSON.stringify(json));
  same({ big: 5 });
  same({ big: "9007199254740993" });
  same({ float: 0.1, double: ["NaN", "-Infinity", -0, 0.1, 1e300] });
  same({ bytes: "-_8" });
  same({ bytes: "+/8=", e: ["E_ONE", 1, 0, "E_NONE"] });
  same({ text: "", two_words: false, double: [], t: {} });
  same({ two_words: true, text: null });
  same({ twoWords: true });
});
