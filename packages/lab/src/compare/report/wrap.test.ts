import assert from "node:assert/strict";
import { it } from "node:test";
import { wrapped } from "./wrap.js";

it("lines are broken between words, at the width and not before it", () => {
  assert.deepEqual(wrapped("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrapped("one two three", 6), ["one", "two", "three"]);
  assert.deepEqual(wrapped("one", 7), ["one"]);
  assert.deepEqual(wrapped("", 7), [""]);
});

it("what begins the first line is kept free in the others", () => {
  assert.deepEqual(wrapped("HELD: one two three", 12, " 1  "), [" 1  HELD:", "    one two", "    three"]);
});

it("a word that is longer than a line stands alone", () => {
  assert.deepEqual(wrapped("a http://127.0.0.1:8080 b", 8, "- "), ["- a", "  http://127.0.0.1:8080", "  b"]);
});
