import assert from "node:assert/strict";
import { it } from "node:test";
import { textProblem } from "./settings.js";

// A text of 100 KB was sent, refused on each transport, and the page said "Done."
it("a text that the server would refuse is told with its bytes and the limit's name; shorter ones are not", () => {
  const longest = 65_536 - 256;
  assert.equal(textProblem("x".repeat(longest - 1)), "");
  assert.equal(textProblem("x".repeat(longest)), "");
  assert.match(textProblem("x".repeat(longest + 1)), /^This text has 65281 bytes; maxMessageBytes is 65536/);
  // Bytes, not characters.
  assert.equal(textProblem("ö".repeat(longest / 2)), "");
  assert.notEqual(textProblem("ö".repeat(longest / 2 + 1)), "");
});
