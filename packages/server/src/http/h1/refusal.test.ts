import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalBytes } from "./refusal.js";

test("a refusal has its JSON with the exact length, and ends the connection", () => {
  const json = '{"why":"évil"}';
  const [head = "", body] = refusalBytes({ status: 403, fields: {}, json }).toString().split("\r\n\r\n");
  assert.match(head, /^HTTP\/1.1 403 Forbidden\r\nconnection: close\r\n/);
  assert.match(head, /\r\ncontent-length: 15$/);
  assert.equal(body, json);
});
