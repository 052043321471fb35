import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPosition, parsePosition } from "./position.js";
import { forEachSeed } from "./testing/random.js";

test("what is formatted is parsed to the same position", () => {
  forEachSeed(1_000, (random) => {
    const position = { epoch: random.int(1, 0xffff_ffff), offset: random.int(0, Number.MAX_SAFE_INTEGER) };
    assert.deepEqual(parsePosition(formatPosition(position)), position);
  });
});

test("the ends of both ranges are positions", () => {
  assert.deepEqual(parsePosition("1:0"), { epoch: 1, offset: 0 });
  assert.deepEqual(parsePosition("4294967295:9007199254740991"), { epoch: 4_294_967_295, offset: 2 ** 53 - 1 });
});

const noPositions = [
  "",
  ":",
  "1",
  "1:",
  ":1",
  "0:1",
  "01:1",
  "1:01",
  "1:00",
  "-1:1",
  "1:-1",
  "+1:1",
  "1:1.0",
  "1:1e3",
  "0x1:1",
  " 1:1",
  "1:1 ",
  "1:1\n",
  "\n1:1",
  "1:1\n2:2",
  "1:1:1",
  "١:١",
  "1\0:1",
  "4294967296:1",
  "9999999999:1",
  "99999999999:1",
  "1:9007199254740992",
  "1:9007199254740993",
  "1:9999999999999999",
  "1:10000000000000000",
  `1:${"9".repeat(10_000)}`,
];

for (const text of noPositions) {
  test(`${JSON.stringify(text.slice(0, 40))} is no position`, () => assert.equal(parsePosition(text), undefined));
}
