import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toJsonString } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ConfabError } from "./errors.js";
import type { Payload } from "./message.js";
import { maxPayloadLevels } from "./payload-depth.js";
import { PayloadTypes } from "./payload-types.js";
import {
  depthOf,
  field,
  type Nesting,
  nested,
  treeNestings,
  treeTypes,
  wellKnownNestings,
} from "./testing/deep-payloads.js";

// An Any with 150 Anys within each other was stored. Its JSON was deeper than clients parse, and no JSON reader came past it.

const types = PayloadTypes.fromDescriptorSet(treeTypes, () => []);
const nestings: Readonly<Record<string, Nesting>> = { ...wellKnownNestings, ...treeNestings };

/** How deep the Protobuf library's own JSON is. */
function jsonDepth({ typeUrl, value }: Payload): number {
  return depthOf(toJsonString(AnySchema, create(AnySchema, { typeUrl, value }), { registry: types.registry }));
}

function refusal(payload: Payload): string | undefined {
  try {
    types.check(payload);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ConfabError && error.code === "MALFORMED_MESSAGE", String(error));
    return error.message;
  }
}

const tooDeep = "the payload is nested deeper than 60 levels of JSON";

function assertBounded(payload: Payload, what: string): void {
  const depth = jsonDepth(payload);
  const isAllowed = depth <= maxPayloadLevels;
  assert.equal(refusal(payload), isAllowed ? undefined : tooDeep, `${what}: ${depth} levels`);
  const json = types.toJson(payload);
  assert.equal(json && depthOf(JSON.stringify(json)), isAllowed ? depth : undefined, what);
  // What is accepted in Protobuf is accepted in JSON too.
  if (json) assert.equal(depthOf(JSON.stringify(types.toJson(types.fromJson(json as never)))), depth, what);
}

for (const [name, nesting] of Object.entries(nestings)) {
  test(`a payload of ${name} may have 60 levels of JSON, and no more`, () => {
    // A Struct, list or Value takes two messages for a level, of which the decoder follows 100.
    const most = /Struct|ListValue|Value$/.test(nesting.typeUrl) ? 48 : 65;
    for (let times = 0; times <= most; times++) assertBounded(nested(nesting, times), `${name}, ${times} times`);
  });
}

test("levels of several kinds count together", () => {
  const kinds = Object.values(treeNestings);
  for (let start = 0; start < kinds.length; start++) {
    let value: Uint8Array = nested(wellKnownNestings["a Struct in a Struct"], 9).value;
    value = field(5, value);
    for (let times = 0; times <= 60; times++) {
      value = kinds[(start + times * 3) % kinds.length]?.around(value) ?? value;
      assertBounded({ typeUrl: "x/tree.Node", value }, `from ${start}, ${times} times`);
    }
  }
});

test("an Any that comes in two parts counts as the one that they make", () => {
  const anyOf = (times: number) => nested(wellKnownNestings["an Any in an Any"], times).value;
  // `Node.any` without a type that is known, and then the type.
  const inParts = (times: number) => ({
    typeUrl: "x/tree.Node",
    value: Buffer.concat([
      field(4, Buffer.concat([field(1, "x/unknown.Type"), field(2, anyOf(times))])),
      field(4, field(1, "x/google.protobuf.Any")),
    ]),
  });
  for (let times = 55; times < 65; times++) assertBounded(inParts(times), `${times} times`);
});

test("the runtime's bound on messages within each other is said by name", () => {
  const payload = nested(wellKnownNestings["a Struct in a Struct"], 51);
  assert.match(refusal(payload) ?? "", /^the payload is not a google\.protobuf\.Struct: .*recursion depth of 100/);
  assert.equal(types.toJson(payload), undefined);
});

for (const [name, nesting] of Object.entries(nestings)) {
  test(`3,000 levels of ${name} are refused, and stay encoded in JSON`, () => {
    const payload = nested(nesting, 3_000);
    assert.match(refusal(payload) ?? "", /nested (deeper than 60 levels|too deeply)|recursion depth of 100/);
    assert.equal(types.toJson(payload), undefined);
  });
}

test("a payload of a type that is not registered is not looked into", () => {
  const { value } = nested(treeNestings["a field"], 3_000);
  types.check({ typeUrl: "x/unknown.Type", value });
});

test("a payload with an Any that has no JSON stays encoded, however deep it is", () => {
  for (const inner of [field(1, "x/unknown.Type"), Buffer.concat([field(1, "x/tree.Node"), field(2, "\u0007")])]) {
    const payload = { typeUrl: "x/tree.Node", value: field(4, inner) };
    assert.equal(refusal(payload), undefined);
    assert.equal(types.toJson(payload), undefined);
  }
});
