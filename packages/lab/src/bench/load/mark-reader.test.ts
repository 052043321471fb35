import assert from "node:assert/strict";
import { test } from "node:test";
import { chatText, deliveredJson, deliveredProtobuf, sentJson, sentProtobuf, textLength } from "./chat-text.js";
import { countMarks, MarkReader } from "./mark-reader.js";

test("a text has its length whatever its number and time", () => {
  assert.equal(chatText(0, 0).length, textLength);
  assert.equal(chatText(12_345_678, 9_999_999_999.5).length, textLength);
});

test("the mark is found in every encoding", () => {
  for (const encode of [sentJson, deliveredJson, sentProtobuf, deliveredProtobuf]) {
    assert.deepEqual(marksOf([Buffer.from(encode(chatText(42, 1_234_567)))]), [[42, 1_234_567]], encode.name);
  }
});

test("marks are found wherever the pieces are torn", () => {
  const stream = Buffer.from([1, 2, 3].map((sequence) => deliveredJson(chatText(sequence, sequence * 1000))).join(""));
  const expected = [
    [1, 1000],
    [2, 2000],
    [3, 3000],
  ];
  for (let at = 0; at <= stream.length; at += 1) {
    assert.deepEqual(marksOf([stream.subarray(0, at), stream.subarray(at)]), expected, `torn at ${at}`);
  }
  assert.deepEqual(marksOf(Array.from(stream, (byte) => Buffer.of(byte))), expected);
});

test("marks are counted within the range only", () => {
  const one = Buffer.from(chatText(1, 1));
  const three = Buffer.concat([one, one, one]);
  assert.equal(countMarks(three, 0, three.length), 3);
  assert.equal(countMarks(three, one.length, 2 * one.length), 1);
  assert.equal(countMarks(three, 1, one.length), 0);
});

function marksOf(pieces: readonly Buffer[]): number[][] {
  const marks: number[][] = [];
  const reader = new MarkReader((...mark) => marks.push(mark));
  for (const piece of pieces) reader.push(piece, 0, piece.length);
  return marks;
}
