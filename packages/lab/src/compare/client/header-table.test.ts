import assert from "node:assert/strict";
import { it } from "node:test";
import { HeaderTable } from "./header-table.js";

it("a second request names by one byte each field that the first one spelt out", () => {
  const table = new HeaderTable();
  const fields = [
    [":method", "POST"],
    [":path", "/x"],
    ["te", "trailers"],
  ] as const;
  // RFC 7541: 0x83 is :method POST; 0x44 is the name :path with a new value; 0x40 is a new name.
  const spelt = Buffer.from([0x83, 0x44, 2, 0x2f, 0x78, 0x40, 2, 0x74, 0x65, 8, ...Buffer.from("trailers")]);
  assert.deepEqual(table.encode(fields), spelt);
  // `te` was added last and has the lowest dynamic index, 62.
  assert.deepEqual(table.encode(fields), Buffer.from([0x83, 0x80 | 63, 0x80 | 62]));
});

it("a value too long for a one-byte length is refused and not cut", () => {
  assert.throws(() => new HeaderTable().encode([["x", "y".repeat(127)]]), RangeError);
});
