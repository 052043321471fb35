import assert from "node:assert/strict";
import { it } from "node:test";
import { jsonLoss } from "./json-losses.js";

// 9007199254740993 was measured as …992, also as an int64 of a .proto file.
it("a whole number that a double cannot hold is told with its place, and how to write it", () => {
  assert.match(
    jsonLoss('{"a": [1, {"id": 9007199254740993}]}') ?? "",
    /^a\[1\]\.id: 9007199254740993 would be sent as 9007199254740992: beyond 2\^53 write it as a string/,
  );
  assert.match(jsonLoss('{"a":[[0],[0,-9007199254740993]]}') ?? "", /^a\[1\]\[1\]: -9007199254740993 /);
  assert.match(jsonLoss('{"a":1e400}') ?? "", /^a: 1e400 is more than a number of JSON can be/);
});

it("numbers that are kept, and numbers in strings, are no loss", () => {
  const text =
    '{"a":9007199254740991,"b":9007199254740992,"c":"9007199254740993","d":1e20,"e":0.1,"f":-0,"9007199254740993":1}';
  assert.equal(jsonLoss(text), undefined);
});

// Of two values of one name the first was dropped in silence.
it("a name that stands twice in an object is told, however it is spelt; in two objects it is none", () => {
  assert.match(jsonLoss('{"a":{"b":1,"\\u0062":2}}') ?? "", /^a\.b: stands twice/);
  assert.match(jsonLoss('{"":1,"x":"","":2}') ?? "", /stands twice/);
  assert.equal(jsonLoss('{"a":{"b":1},"b":{"b":"b"},"c":["b","b"],"__proto__":1,"\\"a":"a\\\\"}'), undefined);
});
