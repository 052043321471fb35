import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ConfabError } from "@confab/contract";
import { FakeExchange } from "../testing/fake-exchange.js";
import { ArrivalTimeouts } from "./arrival-timeouts.js";
import type { Fields } from "./exchange.js";
import { type BodyOptions, collectBody } from "./read-body.js";

const maxBytes = 100;

/** A body that is being collected: `body` rejects with the error, or with CANCELLED when the peer is gone. */
function reading(headers: Fields = {}, options: Partial<BodyOptions> = {}) {
  const exchange = new FakeExchange({ headers });
  const timeouts = new ArrivalTimeouts(60_000);
  const body = new Promise<Uint8Array>((resolve, reject) => {
    collectBody(
      exchange,
      { maxBytes, timeouts, contentEncoding: headers["content-encoding"], ...options },
      { body: resolve, failed: reject, aborted: () => reject(new ConfabError("CANCELLED", "the peer is gone")) },
    );
  });
  return { exchange, body };
}

function failsWith(code: string, text: RegExp) {
  return (error: unknown) => error instanceof ConfabError && error.code === code && text.test(error.message);
}

test("a body in one chunk that is the last is handed on without a copy, and not counted as one whose rest has not come", async () => {
  const { exchange, body } = reading();
  const { share } = exchange;
  share.holdPartial = assert.fail;
  const chunk = Buffer.from("hello");
  exchange.listener.data(chunk, true);
  delete (share as { holdPartial?: unknown }).holdPartial;
  exchange.listener.ended();
  assert.equal(await body, chunk);
});

test("a body in single bytes is put together", async () => {
  const { exchange, body } = reading();
  for (const byte of Buffer.from("one byte at a time")) exchange.listener.data(Buffer.of(byte));
  exchange.listener.ended();
  assert.equal(Buffer.from(await body).toString(), "one byte at a time");
});

test("no body is an empty one", async () => {
  const { exchange, body } = reading();
  exchange.listener.ended();
  assert.equal((await body).length, 0);
});

for (const [length, isTaken] of [
  [maxBytes - 1, true],
  [maxBytes, true],
  [maxBytes + 1, false],
] as const) {
  test(`a body of ${length} bytes is ${isTaken ? "taken" : "refused"} when ${maxBytes} are allowed`, async () => {
    const { exchange, body } = reading();
    exchange.listener.data(Buffer.alloc(length - 1));
    exchange.listener.data(Buffer.alloc(1));
    exchange.listener.ended();
    if (isTaken) assert.equal((await body).length, length);
    else await assert.rejects(body, failsWith("PAYLOAD_TOO_LARGE", /100 bytes.*maxMessageBytes/));
  });
}

test("a content-length over the bound is refused before any of the body comes", async () => {
  const { body } = reading({ "content-length": String(maxBytes + 1) });
  await assert.rejects(body, failsWith("PAYLOAD_TOO_LARGE", /maxMessageBytes/));
});

test("what still comes after a refusal is dropped", async () => {
  const { exchange, body } = reading({ "content-length": "4294967296" });
  exchange.listener.data(Buffer.alloc(1_000));
  exchange.listener.ended();
  await assert.rejects(body, failsWith("PAYLOAD_TOO_LARGE", /100 bytes/));
});

test("a gzip body is unpacked", async () => {
  const { exchange, body } = reading({ "content-encoding": "GZip" });
  exchange.listener.data(gzipSync("packed"));
  exchange.listener.ended();
  assert.equal(Buffer.from(await body).toString(), "packed");
});

for (const [unpackedBytes, isTaken] of [
  [maxBytes, true],
  [maxBytes + 1, false],
  [50_000, false],
] as const) {
  test(`gzip that unpacks to ${unpackedBytes} bytes is ${isTaken ? "taken" : "refused"} when ${maxBytes} are allowed`, async () => {
    const { exchange, body } = reading({ "content-encoding": "gzip" });
    exchange.listener.data(gzipSync(Buffer.alloc(unpackedBytes)));
    exchange.listener.ended();
    if (isTaken) assert.equal((await body).length, unpackedBytes);
    else await assert.rejects(body, failsWith("PAYLOAD_TOO_LARGE", /100 bytes/));
  });
}

test("bytes that are no gzip are malformed", async () => {
  const { exchange, body } = reading({ "content-encoding": "gzip" });
  exchange.listener.data(Buffer.from("not gzip"));
  exchange.listener.ended();
  await assert.rejects(body, failsWith("MALFORMED_MESSAGE", /gzip/));
});

test("another compression is refused by name, before the body comes", async () => {
  const { body } = reading({ "content-encoding": "br" });
  await assert.rejects(body, failsWith("UNSUPPORTED_COMPRESSION", /"br".*gzip/));
});

test("a body that does not come in time is refused, and the bodies that came are not", async (t) => {
  // The timeouts alone do not keep a process alive, so that a server's last moments do not wait for them.
  const alive = setInterval(() => undefined, 1_000);
  t.after(() => clearInterval(alive));
  let nowMs = 0;
  const timeouts = new ArrivalTimeouts(1, () => nowMs);
  const quick = reading({}, { timeouts });
  const slow = reading({}, { timeouts });
  quick.exchange.listener.data(Buffer.from("quick"));
  quick.exchange.listener.ended();
  slow.exchange.listener.data(Buffer.from("slo"));
  nowMs = 1;
  await assert.rejects(slow.body, failsWith("REQUEST_TIMEOUT", /1 ms \(requestTimeoutMs\)/));
  assert.equal(Buffer.from(await quick.body).toString(), "quick");
  slow.exchange.listener.data(Buffer.from("w"));
  slow.exchange.listener.ended();
});

test("a peer that goes away before its body is whole is told to the reader", async () => {
  const { exchange, body } = reading();
  exchange.listener.data(Buffer.from("hal"));
  exchange.listener.aborted();
  await assert.rejects(body, failsWith("CANCELLED", /./));
});

test("a body is handed over, and inflated, in a turn of its connection", async () => {
  for (const encoding of ["gzip", "identity"]) {
    const { exchange, body } = reading({ "content-encoding": encoding });
    exchange.share.spend(1_000);
    exchange.listener.data(encoding === "gzip" ? gzipSync("late") : Buffer.from("late"));
    exchange.listener.ended();
    assert.equal(await Promise.race([body, "not yet"]), "not yet");
    assert.equal(Buffer.from(await body).toString(), "late");
  }
});

test("a peer that goes away while its body waits for its turn gets no answer", async () => {
  const { exchange, body } = reading({ "content-encoding": "gzip" });
  exchange.share.spend(1_000);
  exchange.listener.data(gzipSync("late"));
  exchange.listener.ended();
  exchange.listener.aborted();
  await assert.rejects(body, failsWith("CANCELLED", /./));
});

test("a body that waits for its rest is counted, and given up when there is too much on its connection", async () => {
  const { exchange, body } = reading({}, { maxBytes: 20_000_000 });
  exchange.listener.data(new Uint8Array(5_000_000));
  assert.equal(exchange.share.partialBytes, 5_000_000);
  // Another one, which goes away again.
  const other = { refuse: assert.fail };
  exchange.share.holdPartial(other, 5_000_000);
  exchange.share.holdPartial(other, 0);
  await assert.rejects(body, failsWith("TOO_MANY_REQUESTS", /10000000 bytes/));
  assert.equal(exchange.share.partialBytes, 0);
  exchange.listener.data(new Uint8Array(5_000_000));
  assert.equal(exchange.share.partialBytes, 0);
});

for (const [name, end] of [
  ["is whole", (exchange: FakeExchange) => exchange.listener.ended()],
  ["lost its peer", (exchange: FakeExchange) => exchange.listener.aborted()],
  ["is too long", (exchange: FakeExchange) => exchange.listener.data(new Uint8Array(maxBytes))],
] as const) {
  test(`a body that ${name} is counted no longer`, async () => {
    const { exchange, body } = reading();
    exchange.listener.data(Buffer.from("a"));
    exchange.listener.data(Buffer.from("b"));
    assert.equal(exchange.share.partialBytes, 2);
    end(exchange);
    assert.equal(exchange.share.partialBytes, 0);
    await body.catch((error: unknown) => assert.ok(error instanceof ConfabError));
  });
}
