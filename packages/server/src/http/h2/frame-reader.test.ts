import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError, clientPreface, ErrorCode } from "./frame.js";
import { FrameReader } from "./frame-reader.js";
import { frame } from "./testing/raw-peer.js";

function reading(maxFrameBytes = 16_384) {
  const seen: string[] = [];
  const sink = {
    isReading: true,
    frame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
      seen.push(`${type} ${flags} ${streamId} ${bytes.toString("latin1", start, end)}`);
    },
  };
  return { reader: new FrameReader(sink, maxFrameBytes), sink, seen };
}

const bytes = Buffer.concat([
  clientPreface,
  frame(4, 0, 0),
  frame(0, 1, 0x7fff_ffff, Buffer.from("hello")),
  frame(9, 0xff, 3, Buffer.alloc(1000, "x")),
  frame(6, 0, 0, Buffer.from("12345678")),
]);
const frames = ["4 0 0 ", "0 1 2147483647 hello", `9 255 3 ${"x".repeat(1000)}`, "6 0 0 12345678"];

for (const size of [1, 2, 8, 9, 10, 24, 25, 100, 1000, bytes.length]) {
  test(`frames come out whole from chunks of ${size} bytes`, () => {
    const { reader, seen } = reading();
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    assert.deepEqual(seen, frames);
  });
}

test("the reserved bit of a stream id is ignored", () => {
  const { reader, seen } = reading();
  const one = frame(0, 0, 1);
  one[5] = 0x80;
  reader.push(Buffer.concat([clientPreface, one]));
  assert.deepEqual(seen, ["0 0 1 "]);
});

test("a frame is accepted at the limit and refused above it as soon as its length is known", () => {
  const { reader, seen } = reading(10);
  reader.push(Buffer.concat([clientPreface, frame(0, 0, 1, Buffer.alloc(10))]));
  assert.equal(seen.length, 1);
  const tooLong = frame(0, 0, 1, Buffer.alloc(11)).subarray(0, 9);
  assert.throws(
    () => reader.push(tooLong),
    (error) => error instanceof ConnectionError && error.code === ErrorCode.FRAME_SIZE_ERROR,
  );
});

test("nothing is delivered after the sink has had enough", () => {
  const { reader, sink, seen } = reading();
  reader.push(Buffer.concat([clientPreface, frame(4, 0, 0)]));
  sink.isReading = false;
  reader.push(Buffer.concat([frame(6, 0, 0), frame(6, 0, 0)]));
  assert.equal(seen.length, 1);
});
