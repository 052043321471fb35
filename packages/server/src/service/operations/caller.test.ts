import assert from "node:assert/strict";
import { test } from "node:test";
import { requestIdOf } from "./caller.js";

test("a request has the name that a proxy gave it, unless that is longer than 64 characters", () => {
  assert.equal(requestIdOf({}), undefined);
  assert.equal(requestIdOf({ "x-request-id": "x".repeat(64) }), "x".repeat(64));
  assert.equal(requestIdOf({ "x-request-id": "x".repeat(65) }), undefined);
});
