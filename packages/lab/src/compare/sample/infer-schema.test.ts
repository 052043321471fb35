import assert from "node:assert/strict";
import { it } from "node:test";
import { inferSchema } from "./infer-schema.js";
import { SampleError } from "./shape.js";

it("a type is made from a message: fields in order, lists from all of their items, names as JSON has them", () => {
  const { typeName, text } = inferSchema({
    orderId: "o-1",
    customer_name: "Ann",
    lines: [
      { sku: "a", price: 1 },
      { sku: "b", price: 2.5, note: "gift" },
    ],
    "2nd-try": false,
    big: 2 ** 40,
    counts: [1, 2],
    nothing: [],
  });
  assert.equal(typeName, "lab.Sample");
  assert.equal(
    text,
    `syntax = "proto3";
package lab;

message Sample {
  string orderId = 1;
  string customer_name = 2 [json_name = "customer_name"];
  message LinesValue {
    string sku = 1;
    double price = 2;
    string note = 3;
  }
  repeated LinesValue lines = 3;
  bool f_2nd_try = 4 [json_name = "2nd-try"];
  double big = 5;
  repeated int32 counts = 6;
  repeated string nothing = 7;
}
`,
  );
});

/** The fields of a type's text, as `name = "key"`. */
function fieldsOf(sample: Readonly<Record<string, unknown>>): readonly string[] {
  const fields = inferSchema(sample).text.matchAll(/ (\w+) = \d+(?: \[json_name = (".*")\])?;/g);
  return [...fields].map(([, name, key]) => (key === undefined ? String(name) : `${name} = ${key}`));
}

// Generated code has fields in camel case: {"fooBar":1,"foo_bar":2} was measured as {"fooBar":2,"foo_bar":2}.
it("names that are one in camel case, in another case, or without what .proto files forbid, become two fields", () => {
  assert.deepEqual(fieldsOf({ "a-b": 1, "a.b": 2 }), ['a_b = "a-b"', 'a_b_2 = "a.b"']);
  assert.deepEqual(fieldsOf({ fooBar: 1, foo_bar: 2 }), ["fooBar", 'foo_bar_2 = "foo_bar"']);
  assert.deepEqual(fieldsOf({ имя: "Zoë", 名前: "太郎" }), ['field = "имя"', 'field_2 = "名前"']);
  assert.deepEqual(fieldsOf({ foo_2: 1, foo: 2, FOO: 3, foo2: 4 }).length, 4);
  assert.deepEqual(fieldsOf({ "": 1, __proto__x: 2, "1abc": 3 }), [
    'field = ""',
    'proto_x = "__proto__x"',
    'f_1abc = "1abc"',
  ]);
});

// {"a_b":{…},"aB":{…}} was refused with "duplicate name 'ABValue'" in a temporary file.
it("types that are made for fields have names that neither a type nor a field beside them has", () => {
  const { text } = inferSchema({ AValue: 1, a: { x: 1 }, a_b: { x: 1 }, aB: { x: 2 } });
  assert.deepEqual(text.match(/message \w+/g), [
    "message Sample",
    "message AValue_2",
    "message ABValue",
    "message AB2Value",
  ]);
});

// {"items":[{"a":{"x":1}},{"a":{"y":2}}]} was refused with 'key "y" is unknown'.
it("what lists hold is put together at every level", () => {
  const { text } = inferSchema({ items: [{ a: { x: 1, l: [] } }, { a: { y: 2, x: 0.5, l: ["s"] } }, {}] });
  assert.match(text, /double x = 1;\n +repeated string l = 2;\n +int32 y = 3;\n/);
});

it("what no type can be made for is refused with its place", () => {
  const refused = (sample: Readonly<Record<string, unknown>>, reason: RegExp) =>
    assert.throws(
      () => inferSchema(sample),
      (error) => error instanceof SampleError && reason.test(error.message),
    );
  refused({ a: [1, "x"] }, /^a: int32 and string in one list;/);
  // The second item was measured as the first one's kind, or refused in words of a library.
  refused({ a: [{ b: 1 }, { b: "x" }] }, /^a\[\]\.b: int32 and string in one list;/);
  refused({ a: [{ b: [1] }, { b: 1 }] }, /^a\[\]\.b: a list and int32 in one list;/);
  refused({ a: [[1]] }, /^a\[0\]: Protobuf has no list of lists;/);
  refused({ a: { b: [null] } }, /^a\.b\[0\]: null has no type;/);
  refused({ "a\n": 1 }, /^"a\\n": a name with a control character/);
  let nested: Readonly<Record<string, unknown>> = { x: 1 };
  for (let level = 1; level < 32; level += 1) nested = { a: nested };
  assert.match(inferSchema(nested).text, /int32 x = 1;/);
  refused({ a: nested }, /: nested deeper than 32 levels;/);
});

it("a message without any field is a type without any", () => {
  assert.match(inferSchema({}).text, /message Sample \{\n\}\n$/);
});
