import assert from "node:assert/strict";
import { test } from "node:test";
import { requestIdOf } from "./caller.js";

test("a request has the name that a proxy gave it, unless that is longer than 64 characters or could pass for something else", () => {
  assert.equal(requestIdOf({}), undefined);
  assert.equal(requestIdOf({ "x-request-id": "x".repeat(64) }), "x".repeat(64));
  assert.equal(requestIdOf({ "x-request-id": "x".repeat(65) }), undefined);
  assert.equal(requestIdOf({ "x-request-id": "" }), undefined);
  assert.equal(requestIdOf({ "x-request-id": "a1 outcome=done" }), undefined);
  assert.equal(requestIdOf({ "x-request-id": 'a1"' }), undefined);
  const uuid = "1d8a3f2e-6c0b-4c7e-9a53-0f2b6a7d9c11";
  assert.equal(requestIdOf({ "x-request-id": uuid }), uuid);
});
