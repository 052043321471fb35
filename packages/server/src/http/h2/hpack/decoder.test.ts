import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionError, ErrorCode } from "../frame.js";
import { HpackDecoder } from "./decoder.js";

function decode(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return decoder.decode(bytes, 0, bytes.length).map(({ name, value }) => `${name}: ${value}`);
}

function decoder(): HpackDecoder {
  return new HpackDecoder(65_536);
}

const firstRequest = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const secondRequest = [...firstRequest, "cache-control: no-cache"];
const thirdRequest = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

test("the single representations of RFC 7541 C.2 decode", () => {
  assert.deepEqual(decode(decoder(), "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"), [
    "custom-key: custom-header",
  ]);
  assert.deepEqual(decode(decoder(), "040c 2f73 616d 706c 652f 7061 7468"), [":path: /sample/path"]);
  assert.deepEqual(decode(decoder(), "1008 7061 7373 776f 7264 0673 6563 7265 74"), ["password: secret"]);
  assert.deepEqual(decode(decoder(), "82"), [":method: GET"]);
});

test("the requests of RFC 7541 C.3 decode, each with the table that the one before left", () => {
  const one = decoder();
  assert.deepEqual(decode(one, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"), firstRequest);
  assert.deepEqual(decode(one, "8286 84be 5808 6e6f 2d63 6163 6865"), secondRequest);
  assert.deepEqual(
    decode(one, "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65"),
    thirdRequest,
  );
});

test("the Huffman-coded requests of RFC 7541 C.4 decode", () => {
  const one = decoder();
  assert.deepEqual(decode(one, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), firstRequest);
  assert.deepEqual(decode(one, "8286 84be 5886 a8eb 1064 9cbf"), secondRequest);
  assert.deepEqual(decode(one, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"), thirdRequest);
});

const date = "date: Mon, 21 Oct 2013 20:13:21 GMT";
const location = "location: https://www.example.com";
const cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

test("the Huffman-coded responses of RFC 7541 C.6 decode, with a table of 256 bytes that evicts", () => {
  const one = decoder();
  // The table of the appendix has 256 bytes: said here with a size update in front.
  assert.deepEqual(
    decode(
      one,
      "3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    ),
    [":status: 302", "cache-control: private", date, location],
  );
  assert.deepEqual(decode(one, "4883 640e ffc1 c0bf"), [":status: 307", "cache-control: private", date, location]);
  assert.deepEqual(
    decode(
      one,
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ),
    [
      ":status: 200",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:22 GMT",
      location,
      "content-encoding: gzip",
      cookie,
    ],
  );
});

for (const [what, hex] of [
  ["index 0", "80"],
  ["an index beyond the table", "be"],
  ["a number without end", "ff ff ff ff ff ff ff ff ff"],
  ["a number cut off", "ff"],
  ["a string longer than the block", "00 05 61"],
  ["a block that ends before the value", "00 01 61"],
  ["a table size above what we allow", "3f e2 1f"],
  ["a table size update after a field", "82 20"],
  ["Huffman padding of more than 7 bits", "00 01 61 82 1f ff"],
  ["Huffman padding of zeros", "00 01 61 81 18"],
  ["EOS within a Huffman-coded string", "00 01 61 84 ff ff ff ff"],
] as const) {
  test(`${what} is a compression error`, () => {
    assert.throws(
      () => decode(decoder(), hex),
      (error) => error instanceof ConnectionError && error.code === ErrorCode.COMPRESSION_ERROR,
    );
  });
}

test("a field larger than the table empties it", () => {
  const one = decoder();
  decode(one, "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d");
  const huge = Buffer.concat([Buffer.from("400161 7fe11f".replaceAll(" ", ""), "hex"), Buffer.alloc(4192, 0x78)]);
  one.decode(huge, 0, huge.length);
  assert.throws(() => decode(one, "be"));
});

test("entries are found by index after thousands were evicted", () => {
  const one = decoder();
  for (let n = 0; n < 5000; n += 1) {
    const value = String(n).padStart(6, "0");
    const block = Buffer.concat([Buffer.from([0x40, 1, 0x61, 6]), Buffer.from(value)]);
    one.decode(block, 0, block.length);
    assert.deepEqual(decode(one, "be"), [`a: ${value}`]);
  }
  // Each entry counts 39 bytes, so 105 fit into 4096.
  assert.deepEqual(decode(one, "ff27"), ["a: 004895"]);
  assert.throws(() => decode(one, "ff28"));
});

test("a block that refers to one large entry again and again (HPACK bomb) is cut at the list limit", () => {
  const one = new HpackDecoder(16_384);
  const entry = Buffer.concat([Buffer.from("400161 7fa11e".replaceAll(" ", ""), "hex"), Buffer.alloc(4000, 0x78)]);
  one.decode(entry, 0, entry.length);
  const bomb = Buffer.alloc(16_384, 0xbe);
  const fields = one.decode(bomb, 0, bomb.length);
  assert.equal(one.isListTooLarge, true);
  assert.equal(fields.length, 4);
});

test("a list is accepted at the limit and refused one byte above", () => {
  const block = Buffer.concat([Buffer.from([0x00, 1, 0x61, 7]), Buffer.alloc(7, 0x78)]);
  for (const [limit, isTooLarge] of [
    [40, false],
    [39, true],
  ] as const) {
    const one = new HpackDecoder(limit);
    one.decode(block, 0, block.length);
    assert.equal(one.isListTooLarge, isTooLarge);
  }
});
