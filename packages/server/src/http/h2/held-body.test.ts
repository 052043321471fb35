import assert from "node:assert/strict";
import { test } from "node:test";
import { HeldBody } from "./held-body.js";

test("chunks of all sizes come out in order, the small ones together", () => {
  const held = new HeldBody();
  const all: Buffer[] = [];
  for (const [at, size] of [1, 2, 4095, 4096, 1, 10_000, 3000, 3000, 5].entries()) {
    const chunk = Buffer.alloc(size, at + 1);
    all.push(chunk);
    held.push(chunk);
  }
  assert.equal(held.bytes, Buffer.concat(all).length);
  const out: Uint8Array[] = [];
  for (let chunk = held.shift(); chunk !== undefined; chunk = held.shift()) out.push(chunk);
  assert.ok(Buffer.concat(out).equals(Buffer.concat(all)));
  assert.equal(held.bytes, 0);
});

test("a window of single bytes is held in few chunks, and none is written to after it was given out", () => {
  const held = new HeldBody();
  for (let n = 0; n < 100_000; n += 1) held.push(Uint8Array.of(1));
  const first = held.shift();
  assert.equal(first?.length, 4096);
  held.push(Uint8Array.of(2));
  let chunks = 1;
  while (held.shift() !== undefined) chunks += 1;
  assert.ok(chunks < 30);
  assert.ok(first?.every((byte) => byte === 1));
});
