import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeRoomRecord, encodeRoomRecord } from "./room-record.js";

const record = { number: 5, epoch: 9, oldest: 3, newest: 2 ** 40, bytes: 77 };
const lineage = [
  { epoch: 7, top: 4 },
  { epoch: 8, top: 6 },
];

for (const [what, earlier, renewals] of [
  ["without earlier epochs", [], 0],
  ["with earlier epochs", lineage, 2],
] as const) {
  test(`a record ${what} keeps the counts of changes, which versions that do not know them leave out`, () => {
    const counts = { changes: 2 ** 47 + 3, trimmedChanges: 2 ** 39 + 5 };
    const bytes = encodeRoomRecord({ ...record, lineage: earlier, ...counts }, renewals);
    assert.deepEqual(decodeRoomRecord(bytes), { ...record, lineage: earlier, renewals, ...counts });
    const before = encodeRoomRecord({ ...record, lineage: earlier }, renewals);
    assert.deepEqual(decodeRoomRecord(before), { ...record, lineage: earlier, renewals });
    // They read earlier epochs as long as whole ones follow.
    const start = 36 + 12 * earlier.length;
    assert.ok(bytes.length - start > 0 && bytes.length - start < 12);
    assert.deepEqual(bytes.subarray(0, before.length), before);
  });
}
