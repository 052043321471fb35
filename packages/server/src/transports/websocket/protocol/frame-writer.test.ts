import assert from "node:assert/strict";
import { test } from "node:test";
import {
  encodeBinaryFrame,
  encodeCloseFrame,
  encodePingFrame,
  encodePongFrame,
  encodeTextFrame,
  frameHeaderBytes,
  writeFrameHeader,
} from "./frame-writer.js";
import { opcode } from "./opcode.js";

const headers: readonly [payloadBytes: number, header: readonly number[]][] = [
  [0, [0x82, 0]],
  [125, [0x82, 125]],
  [126, [0x82, 126, 0, 126]],
  [65_535, [0x82, 126, 0xff, 0xff]],
  [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
];

for (const [payloadBytes, header] of headers) {
  test(`a payload of ${payloadBytes} bytes gets a header of ${header.length} bytes and follows it unmasked`, () => {
    const payload = Buffer.alloc(payloadBytes, 7);
    const frame = encodeBinaryFrame(payload);
    assert.deepEqual([...frame.subarray(0, header.length)], header);
    assert.deepEqual(frame.subarray(header.length), payload);
    assert.equal(frameHeaderBytes(payloadBytes), header.length);
  });
}

test("a length beyond 32 bits is written in all eight bytes", () => {
  const header = Buffer.alloc(10);
  writeFrameHeader(header, 0, opcode.binary, 2 ** 40 + 5);
  assert.equal(header.readBigUInt64BE(2), 2n ** 40n + 5n);
});

test("several frames can be laid out in one buffer", () => {
  const payloads = ["one", "x".repeat(200)].map((text) => Buffer.from(text));
  const bytes = Buffer.alloc(payloads.reduce((sum, { length }) => sum + frameHeaderBytes(length) + length, 0));
  let at = 0;
  for (const payload of payloads) {
    at += writeFrameHeader(bytes, at, opcode.text, payload.length);
    at += payload.copy(bytes, at);
  }
  assert.deepEqual(bytes, Buffer.concat(payloads.map((payload) => encodeTextFrame(payload))));
});

test("a string and its UTF-8 bytes make the same text frame", () => {
  for (const text of ["", "plain", "ž€😀", "€".repeat(60)])
    assert.deepEqual(encodeTextFrame(text), encodeTextFrame(Buffer.from(text)));
});

test("a close frame carries code and reason, and without a code nothing", () => {
  assert.deepEqual(encodeCloseFrame(), Buffer.from([0x88, 0]));
  assert.deepEqual(encodeCloseFrame(1000), Buffer.from([0x88, 2, 0x03, 0xe8]));
  assert.deepEqual(
    encodeCloseFrame(1012, "bye"),
    Buffer.concat([Buffer.from([0x88, 5, 0x03, 0xf4]), Buffer.from("bye")]),
  );
});

test("a reason is cut at the last whole character that fits 123 bytes", () => {
  const reasonOf = (reason: string) => encodeCloseFrame(1000, reason).subarray(4).toString();
  assert.equal(reasonOf("a".repeat(123)), "a".repeat(123));
  assert.equal(reasonOf("a".repeat(124)), "a".repeat(123));
  assert.equal(reasonOf("é".repeat(62)), "é".repeat(61));
  assert.equal(reasonOf(`${"a".repeat(120)}😀`), "a".repeat(120));
});

test("a control frame of more than 125 bytes is refused", () => {
  for (const encode of [encodePingFrame, encodePongFrame]) {
    assert.equal(encode(Buffer.alloc(125)).length, 127);
    assert.throws(() => encode(Buffer.alloc(126)), RangeError);
  }
});
