import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameReader, frameOf } from "./frames.js";

const frames: readonly (readonly [kind: number, content: string])[] = [
  [1, ""],
  [2, "a"],
  [255, "b".repeat(1_000)],
  [3, "c".repeat(9)],
];
const stream = Buffer.concat(frames.map(([kind, content]) => frameOf(kind, Buffer.from(content))));

for (const pieceBytes of [1, 2, 3, 5, 7, 64, 1_000, stream.length])
  test(`frames are the same when they come in pieces of ${pieceBytes} bytes`, () => {
    const read: [number, string][] = [];
    const reader = new FrameReader(1_001, (kind, content) => read.push([kind, content.toString()]));
    for (let at = 0; at < stream.length; at += pieceBytes) reader.push(stream.subarray(at, at + pieceBytes));
    assert.deepEqual(read, frames);
  });

test("a frame may be as long as it is allowed to be, and not longer", () => {
  const reader = new FrameReader(1_000, () => undefined);
  assert.throws(() => reader.push(stream), /a frame has 1001 bytes; it must have 1 to 1000/);
  assert.throws(() => new FrameReader(1_000, () => undefined).push(Buffer.alloc(5)), /a frame has 0 bytes/);
});
