import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ConfabError } from "@confab/contract";
import { forEachSeed } from "@confab/contract/testing/random";
import { acceptsGzip, compress, decompress, isGzipNamed } from "./compression.js";

function hasCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("identity is no compression, gzip is one, and nothing else is understood", () => {
  assert.deepEqual([undefined, "", "identity", "gzip"].map(isGzipNamed), [false, false, false, true]);
  for (const name of ["br", "deflate", "snappy", "GZIP", "gzip, gzip", "gzip "]) {
    assert.throws(() => isGzipNamed(name), hasCode("UNSUPPORTED_COMPRESSION"));
  }
});

test("gzip is accepted where a list names it", () => {
  for (const header of ["gzip", "identity,gzip", "deflate, gzip , br"]) assert.ok(acceptsGzip(header), header);
  for (const header of [undefined, "", "identity", "x-gzip", "gzip;q=0"]) assert.ok(!acceptsGzip(header), header);
});

test("what is compressed unfolds to what it was", async () => {
  const message = Buffer.from("hello ".repeat(1_000));
  const compressed = await compress(message);
  assert.ok(compressed.length < message.length / 10);
  assert.deepEqual(gunzipSync(compressed), message);
  assert.deepEqual(Buffer.from(decompress(compressed, 10_000)), message);
});

test("a message that unfolds to exactly the bound is taken, one byte more is not", () => {
  const compressed = gzipSync(new Uint8Array(1_000));
  assert.equal(decompress(compressed, 1_000).length, 1_000);
  assert.throws(() => decompress(compressed, 999), hasCode("PAYLOAD_TOO_LARGE"));
});

test("a bomb is refused while it unfolds, not after", () => {
  const bomb = gzipSync(new Uint8Array(200_000_000));
  const before = process.memoryUsage().arrayBuffers;
  assert.throws(() => decompress(bomb, 65_536), hasCode("PAYLOAD_TOO_LARGE"));
  assert.ok(process.memoryUsage().arrayBuffers - before < 10_000_000);
});

test("what is not gzip, or only half of it, is MALFORMED_MESSAGE and never anything else", () => {
  const whole = gzipSync("hello ".repeat(100));
  for (const bytes of [new Uint8Array(0), Buffer.from("hello"), whole.subarray(0, 10), whole.subarray(0, -1)]) {
    assert.throws(() => decompress(bytes, 10_000), hasCode("MALFORMED_MESSAGE"));
  }
  forEachSeed(500, (random) => {
    const bytes = Uint8Array.from(whole);
    for (let i = random.int(1, 3); i > 0; i--) bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
    try {
      decompress(bytes, 10_000);
    } catch (error) {
      assert.ok(error instanceof ConfabError, String(error));
    }
  });
});
