import assert from "node:assert/strict";
import { test } from "node:test";
import { HpackDecoder } from "./decoder.js";
import { BlockCache, encodeBlock } from "./encoder.js";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./huffman.js";

function decoded(block: Uint8Array): [string, string][] {
  return new HpackDecoder(1 << 20).decode(block, 0, block.length).map(({ name, value }) => [name, value]);
}

test("a response head of static fields takes one byte each", () => {
  assert.deepEqual([...encodeBlock(200, { "accept-encoding": "gzip, deflate" })], [0x88, 0x90]);
});

test("a literal is Huffman-coded when that is shorter, as in RFC 7541 C.4.1", () => {
  const block = encodeBlock(0, { ":authority": "www.example.com" });
  assert.equal(Buffer.from(block).toString("hex"), "018cf1e3c2e5f23a6ba0ab90f4ff");
});

test("every byte survives Huffman coding, alone and among others", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
  for (const text of [all, ...all, `${all}${all}`]) {
    const bytes = Buffer.alloc(huffmanLength(text) + 2, 0xaa);
    encodeHuffman(text, bytes, 1);
    assert.equal(decodeHuffman(bytes, 1, bytes.length - 1), text);
    assert.equal(bytes[0], 0xaa);
    assert.equal(bytes.at(-1), 0xaa);
  }
});

test("heads and trailers of any status, lengths around the prefix limits and long values decode to what went in", () => {
  for (const status of [0, 100, 200, 204, 299, 404, 599]) {
    for (const length of [0, 1, 126, 127, 128, 254, 255, 5000, 70_000]) {
      const fields = { "x-name": "~".repeat(length), "content-type": "application/grpc", "set-cookie": "a=b" };
      const expected = Object.entries(status === 0 ? fields : { ":status": String(status), ...fields });
      assert.deepEqual(decoded(encodeBlock(status, fields)), expected);
    }
  }
});

test("what would break the message apart is made harmless", () => {
  assert.deepEqual(decoded(encodeBlock(0, { a: " x\r\ny\0z ", b: "é€" })), [
    ["a", "x  y z"],
    ["b", "é?"],
  ]);
});

test("a fields object that comes again is encoded once, per status", () => {
  const cache = new BlockCache();
  const fields = { a: "b" };
  const first = cache.block(200, fields);
  assert.equal(cache.block(200, fields), first);
  for (let n = 0; n < 100; n += 1) cache.block(200, { a: String(n) });
  assert.equal(cache.block(200, fields), first);
  assert.deepEqual(decoded(cache.block(404, fields)), [
    [":status", "404"],
    ["a", "b"],
  ]);
  assert.equal(cache.block(200, fields), first);
});
