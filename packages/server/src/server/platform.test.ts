import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomIds } from "./platform.js";

describe("a message id", () => {
  it("is a UUIDv7 that begins with its time and is like no other", () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => randomIds.messageId(1_700_000_000_000 + index));
    assert.equal(new Set(ids.map((id) => id.slice(14))).size, ids.length);
    for (const [index, id] of ids.entries()) {
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(Number.parseInt(id.replace("-", "").slice(0, 12), 16), 1_700_000_000_000 + index);
    }
  });
});
