import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, EnvelopeReader, PayloadTypes } from "@confab/contract";
import { forEachSeed } from "@confab/contract/testing/random";
import { FakeExchange } from "../../../testing/fake-exchange.js";
import { Statuses } from "../rpc-error.js";
import { Base64Reader, base64Text, GrpcWebWire } from "./wire.js";

const statuses = new Statuses(PayloadTypes.none());

test("base64 in any chunks, padded anywhere between groups, is the bytes that were sent", () => {
  forEachSeed(2_000, (random) => {
    const parts = Array.from({ length: random.int(0, 6) }, () => random.bytes(random.int(0, 40)));
    const text = Buffer.concat(parts.map(base64Text));
    const reader = new Base64Reader();
    const read = random.chunks(text, random.pick([1, 2, 3, 4, 7, 100])).map((chunk) => {
      const bytes = reader.push(chunk);
      assert.ok(bytes);
      return bytes;
    });
    assert.ok(reader.isAtBoundary);
    assert.deepEqual(
      [...Buffer.concat(read)],
      parts.flatMap((part) => [...part]),
    );
  });
});

test("text that ends within a group of four is not at a boundary", () => {
  const reader = new Base64Reader();
  assert.deepEqual([...(reader.push(Buffer.from("AQIDB")) ?? [])], [1, 2, 3]);
  assert.ok(!reader.isAtBoundary);
  assert.deepEqual([...(reader.push(Buffer.from("AUG")) ?? [])], [4, 5, 6]);
  assert.ok(reader.isAtBoundary);
});

// Groups such as these were decoded to fewer bytes than they stand for, without an error.
for (const text of [
  "A===",
  "====",
  "=AAA",
  "A=AA",
  "AA=A",
  "AAA=A===",
  "AAA\n",
  "AA A",
  "AAA-",
  "AAA_",
  "AAAä",
  "AAAA====",
  "\0AAA",
]) {
  test(`${JSON.stringify(text)} is not base64`, () => {
    assert.equal(new Base64Reader().push(Buffer.from(text)), undefined);
  });
}

function bodyOf(exchange: FakeExchange, isText: boolean): [flags: number, text: string][] {
  const envelopes: [number, string][] = [];
  const reader = new EnvelopeReader(
    100_000,
    (flags, message) => envelopes.push([flags, Buffer.from(message).toString()]),
    () => assert.fail(),
  );
  const base64 = new Base64Reader();
  for (const bytes of exchange.written) reader.push(isText ? (base64.push(bytes) ?? assert.fail()) : bytes);
  assert.ok(reader.isAtBoundary);
  return envelopes;
}

for (const isText of [false, true]) {
  test(`the trailers are the last envelope of the body${isText ? ", in base64" : ""}`, () => {
    const exchange = new FakeExchange();
    const wire = new GrpcWebWire(exchange, "proto", isText, statuses);
    wire.streamHead({ "confab-position": "7:1" });
    wire.end(undefined, true);
    assert.equal(exchange.headers["content-type"], `application/grpc-web${isText ? "-text" : ""}+proto`);
    assert.equal(exchange.headers["confab-position"], "7:1");
    assert.deepEqual(bodyOf(exchange, isText), [[0x80, "grpc-status: 0\r\n"]]);
    assert.ok(exchange.isEnded && exchange.trailers === undefined);
  });

  test(`an error before anything else has a head of its own${isText ? ", in base64" : ""}`, () => {
    const exchange = new FakeExchange();
    new GrpcWebWire(exchange, "json", isText, statuses).end(new ConfabError("UNKNOWN_METHOD", "no\r\nsuch"), false);
    const [[flags, text] = assert.fail()] = bodyOf(exchange, isText);
    assert.deepEqual([exchange.status, flags], [200, 0x80]);
    assert.match(
      text,
      /^grpc-status: 12\r\ngrpc-message: no%0D%0Asuch\r\ngrpc-status-details-bin: [A-Za-z0-9+/]+\r\n$/,
    );
  });
}

test("metadata of a service replaces none of the protocol's fields", () => {
  const metadata = { "content-type": "text/html", "grpc-status": "0", "grpc-accept-encoding": "br", "x-own": "1" };
  const exchange = new FakeExchange();
  const wire = new GrpcWebWire(exchange, "proto", false, statuses);
  wire.replyHead(false, metadata);
  wire.end(new ConfabError("UNKNOWN_METHOD", "no"), true, metadata);
  assert.deepEqual(
    [exchange.headers["content-type"], exchange.headers["grpc-accept-encoding"], exchange.headers["x-own"]],
    ["application/grpc-web+proto", "identity,gzip", "1"],
  );
  const [[, text = ""] = assert.fail()] = bodyOf(exchange, false);
  assert.match(text, /^grpc-status: 12\r$/m);
  assert.doesNotMatch(text, /^grpc-status: 0/m);
});
