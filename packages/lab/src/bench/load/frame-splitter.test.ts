import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameSplitter } from "./frame-splitter.js";
import { clientFrame, opcodes, payloadStart, webSocketFrameLength } from "./websocket-frames.js";
import { floorFrameLength } from "./wires/floor.js";

/** A server's frame is a client's without the mask: bit and key. */
function serverFrame(payload: Buffer): Buffer {
  const masked = clientFrame(opcodes.text, payload);
  const headerBytes = masked.length - payload.length - 4;
  const head = Buffer.from(masked.subarray(0, headerBytes));
  head[1] = (head[1] ?? 0) & 0x7f;
  return Buffer.concat([head, payload]);
}

const payloads = [0, 1, 125, 126, 65_535, 65_536].map((length) => Buffer.alloc(length, "x"));
const stream = Buffer.concat(payloads.map(serverFrame));

for (const [name, pieceBytes] of [
  ["in one piece", stream.length],
  ["in pieces of 1,000 bytes", 1_000],
  ["byte by byte", 1],
] as const) {
  test(`WebSocket frames of every length form are found ${name}`, () => {
    const found: number[] = [];
    const splitter = new FrameSplitter(webSocketFrameLength, (bytes, start, end) =>
      found.push(end - payloadStart(bytes, start)),
    );
    // Byte by byte, the torn frame is copied anew for each byte: the short ones show what there is to see.
    const fed = pieceBytes === 1 ? stream.subarray(0, 500) : stream;
    for (let at = 0; at < fed.length; at += pieceBytes) {
      const piece = fed.subarray(at, at + pieceBytes);
      splitter.push(piece, piece.length);
    }
    const expected = payloads.map((payload) => payload.length);
    assert.deepEqual(found, pieceBytes === 1 ? expected.slice(0, 4) : expected);
  });
}

test("a torn frame survives the reuse of the read buffer", () => {
  const read = Buffer.alloc(8);
  const frame = Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]);
  const found: string[] = [];
  const splitter = new FrameSplitter(floorFrameLength, (bytes, start, end) =>
    found.push(bytes.toString("hex", start, end)),
  );
  frame.copy(read, 0, 0, 6);
  splitter.push(read, 6);
  read.fill(0xff);
  frame.copy(read, 0, 6, 8);
  splitter.push(read, 2);
  assert.deepEqual(found, [frame.toString("hex")]);
});

test("bytes beyond the read's length are not read", () => {
  let frames = 0;
  const splitter = new FrameSplitter(floorFrameLength, () => {
    frames += 1;
  });
  splitter.push(Buffer.from([0, 0, 0, 0, 0, 0, 0, 0]), 4);
  assert.equal(frames, 1);
});

test("a length that no frame has ends the reading", () => {
  const splitter = new FrameSplitter(floorFrameLength, () => undefined);
  assert.throws(() => splitter.push(Buffer.from([0xff, 0, 0, 0]), 4), /lost its place/);
});
