import assert from "node:assert/strict";
import { test } from "node:test";
import { GatheredBytes } from "./gathered-bytes.js";

test("pieces are put together, and nothing is held after they were taken", () => {
  const gathered = new GatheredBytes();
  for (const byte of Buffer.from("one byte at a time")) gathered.push(Buffer.of(byte), 18);
  assert.equal(gathered.length, 18);
  assert.equal(Buffer.from(gathered.take()).toString(), "one byte at a time");
  assert.equal(gathered.length, 0);
  assert.equal(gathered.take().length, 0);
});

test("one piece that is all of its buffer is not copied", () => {
  const gathered = new GatheredBytes();
  const piece = new Uint8Array(100).fill(7);
  gathered.push(piece, 1_000);
  assert.equal(gathered.take(), piece);
});

test("a small piece of a large buffer does not keep the buffer in memory", () => {
  const gathered = new GatheredBytes();
  gathered.push(Buffer.alloc(65_536, 7).subarray(10, 20), 1_000);
  const taken = gathered.take();
  assert.deepEqual([taken.buffer.byteLength, [...taken]], [10, Array(10).fill(7)]);
});

test("the buffer grows to at most twice what has come, and not past what can come", () => {
  const gathered = new GatheredBytes();
  gathered.push(new Uint8Array(600), 1_000);
  gathered.push(new Uint8Array(100), 1_000);
  assert.equal(gathered.take().buffer.byteLength, 1_000);
  gathered.push(new Uint8Array(10), 1_000);
  gathered.push(new Uint8Array(10), 1_000);
  assert.equal(gathered.take().buffer.byteLength, 40);
});
