import assert from "node:assert/strict";
import { it } from "node:test";
import { inferSchema } from "./infer-schema.js";

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

it("two names that Protobuf cannot tell apart become two fields", () => {
  assert.match(inferSchema({ "a-b": 1, "a.b": 2 }).text, /a_b = 1 .*\n.*a_b_2 = 2 /);
});
