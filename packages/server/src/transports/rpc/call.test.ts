import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ConfabError, enveloped, envelopeFlag } from "@confab/contract";
import { forEachSeed } from "@confab/contract/testing/random";
import type { Fields } from "../../http/exchange.js";
import { settled } from "../../testing/manual-turns.js";
import type { Call, Method } from "./method.js";
import {
  answeredLater,
  CallBench,
  maxMessageBytes,
  message,
  messagesOf,
  outcomeOf,
  Recorder,
  upper,
} from "./testing/call-bench.js";

const bench = new CallBench();
const begin = bench.begin.bind(bench);
afterEach(() => bench.close());

test("a unary call is answered once its message and the end of the request are there, however they are cut", async () => {
  for (const size of [1, 3, 1_000]) {
    const exchange = begin(upper);
    const bytes = message("hello");
    for (let at = 0; at < bytes.length; at += size) exchange.listener.data(bytes.subarray(at, at + size));
    await settled();
    assert.ok(!exchange.isEnded);
    exchange.listener.ended();
    await settled();
    assert.deepEqual([messagesOf(exchange), outcomeOf(exchange), exchange.status], [["HELLO"], "0", 200]);
  }
});

test("an empty message is a message", async () => {
  const exchange = begin(upper);
  exchange.listener.data(message(""));
  exchange.listener.ended();
  await settled();
  assert.deepEqual([messagesOf(exchange), outcomeOf(exchange)], [[""], "0"]);
});

const tooLong = new Uint8Array(maxMessageBytes + 1);
const bad: readonly (readonly [what: string, chunks: readonly Uint8Array[], outcome: string, headers?: Fields])[] = [
  ["no message", [], "12 WRONG_MESSAGE_COUNT"],
  ["two messages", [message("a"), message("b")], "12 WRONG_MESSAGE_COUNT"],
  ["two messages in one chunk", [Buffer.concat([message("a"), message("b")])], "12 WRONG_MESSAGE_COUNT"],
  ["half a prefix", [Uint8Array.of(0, 0)], "3 MALFORMED_MESSAGE"],
  ["half a message", [message("hello").subarray(0, 7)], "3 MALFORMED_MESSAGE"],
  ["a message and half a prefix", [message("a"), Uint8Array.of(0)], "3 MALFORMED_MESSAGE"],
  ["a message above the bound", [enveloped(0, tooLong)], "8 PAYLOAD_TOO_LARGE"],
  ["a prefix of four gigabytes", [Uint8Array.of(0, 255, 255, 255, 255)], "8 PAYLOAD_TOO_LARGE"],
  ["flags that mean nothing", [enveloped(2, Buffer.from("a"))], "3 MALFORMED_MESSAGE"],
  ["a compressed message without a name for it", [enveloped(1, gzipSync("a"))], "13 BROKEN_COMPRESSION"],
  [
    "a compressed message that is not gzip",
    [enveloped(1, Buffer.from("a"))],
    "13 BROKEN_COMPRESSION",
    { "grpc-encoding": "gzip" },
  ],
  ["a bomb", [enveloped(1, gzipSync(new Uint8Array(1_000_000)))], "8 PAYLOAD_TOO_LARGE", { "grpc-encoding": "gzip" }],
];

for (const [what, chunks, outcome, headers] of bad) {
  test(`a unary call of ${what} is ${outcome}, and is not made`, async () => {
    const { method, calls } = answeredLater();
    const exchange = begin(method, { headers });
    for (const chunk of chunks) exchange.listener.data(chunk);
    if (!exchange.isEnded) exchange.listener.ended();
    else exchange.listener.data(message("more, which is dropped"));
    await exchange.ended;
    assert.equal(outcomeOf(exchange), outcome);
    assert.deepEqual([calls(), bench.reported], [0, []]);
    assert.deepEqual([exchange.trailers, exchange.written], [undefined, []], "head and trailers are one");
  });
}

test("gzip goes both ways, and a short answer goes as it is", async () => {
  const headers = { "grpc-encoding": "gzip", "grpc-accept-encoding": "identity,gzip" };
  for (const [text, isCompressed] of [
    ["hello", false],
    ["hello ".repeat(300), true],
  ] as const) {
    const exchange = begin(upper, { headers });
    exchange.listener.data(enveloped(envelopeFlag.compressed, gzipSync(text)));
    exchange.listener.ended();
    await exchange.ended;
    assert.deepEqual(messagesOf(exchange), [text.toUpperCase()]);
    assert.equal(exchange.headers["grpc-encoding"], isCompressed ? "gzip" : undefined);
    assert.equal(exchange.written[0]?.[0], isCompressed ? 1 : 0);
  }
});

test("UNSUPPORTED_COMPRESSION and a deadline of nothing stop a call before it begins", () => {
  const { method, calls } = answeredLater();
  for (const [headers, timeoutMs, code] of [
    [{ "grpc-encoding": "br" }, undefined, "UNSUPPORTED_COMPRESSION"],
    [{}, 0, "DEADLINE_EXCEEDED"],
  ] as const) {
    assert.throws(
      () => begin(method, { headers, ...(timeoutMs !== undefined && { timeoutMs }) }),
      (error: unknown) => error instanceof ConfabError && error.code === code,
    );
  }
  assert.equal(calls(), 0);
});

test("a failure of ours is INTERNAL without its text, and is reported", async () => {
  const { method, fail } = answeredLater();
  const exchange = begin(method);
  exchange.listener.data(message("a"));
  exchange.listener.ended();
  fail(new Error("secret"));
  await settled();
  assert.equal(outcomeOf(exchange), "13 INTERNAL");
  assert.ok(!JSON.stringify(exchange.headers).includes("secret"));
  assert.equal(bench.reported.length, 1);
});

test("a stream gets every message in order, each decompressed, and then the half-close", () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method, { headers: { "grpc-encoding": "gzip" } });
  const bytes = Buffer.concat([message("a"), enveloped(1, gzipSync("b")), message("")]);
  for (const byte of bytes) exchange.listener.data(Uint8Array.of(byte));
  exchange.listener.ended();
  assert.deepEqual([recorder.messages, recorder.events], [["a", "b", ""], ["half-closed"]]);
  recorder.call?.finish();
  recorder.call?.finish(new ConfabError("INTERNAL", "too late"));
  assert.deepEqual([outcomeOf(exchange), recorder.events], ["0", ["half-closed", "over"]]);
});

test("a stream's head goes out once, with its metadata, and its error in trailers behind the messages", () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method);
  assert.ok(recorder.call);
  recorder.call.responseHeaders = { "confab-position": "7:1" };
  recorder.call.start();
  recorder.call.responseHeaders = { "confab-position": "9:9" };
  recorder.call.start();
  recorder.call?.send(Buffer.from("a"));
  recorder.call?.finish(new ConfabError("OUT_OF_RANGE", "gone"));
  assert.deepEqual([exchange.headers["confab-position"], messagesOf(exchange)], ["7:1", ["a"]]);
  assert.equal(exchange.trailers?.["grpc-status"], "11");
  exchange.listener.data(message("more"));
  exchange.listener.ended();
  assert.deepEqual([recorder.messages, recorder.events], [[], ["over"]]);
});

test("backpressure and drains are passed on, until the call is over", () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method);
  exchange.isBelowHighWaterMark = false;
  exchange.queuedBytes = 77;
  assert.deepEqual([recorder.call?.send(Buffer.from("a")), recorder.call?.queuedBytes], [false, 77]);
  recorder.call?.pause();
  assert.ok(exchange.isPaused);
  exchange.listener.drained();
  recorder.call?.finish();
  assert.ok(!exchange.isPaused, "the rest of the request is read and dropped");
  exchange.listener.drained();
  assert.deepEqual(recorder.events, ["drained", "over"]);
});

test("noise from a client ends in a status or waits for more, and never in anything else", () => {
  forEachSeed(2_000, (random) => {
    const recorder = new Recorder();
    const exchange = begin(recorder.method, { headers: { "grpc-encoding": "gzip" } });
    const bytes = random.oneIn(2) ? random.bytes(30) : Buffer.concat([message("a"), random.bytes(10)]);
    for (const chunk of random.chunks(bytes, 7)) exchange.listener.data(chunk);
    exchange.listener.ended();
    if (exchange.isEnded)
      assert.match(outcomeOf(exchange), /^(3 MALFORMED_MESSAGE|8 PAYLOAD_TOO_LARGE|13 BROKEN_COMPRESSION)$/);
    else assert.deepEqual(recorder.events, ["half-closed"]);
    exchange.listener.aborted();
  });
});

/** More than a connection may spend in a turn. */
const wholeShare = 1_000;

test("messages wait while the connection has used up its share, in order, with the end behind them", async () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method);
  exchange.share.spend(wholeShare);
  exchange.listener.data(Buffer.concat([message("a"), message("b")]));
  assert.ok(exchange.isPaused, "the client's further messages stay with it");
  exchange.listener.data(message("c"));
  exchange.listener.ended();
  assert.deepEqual([recorder.messages, recorder.events], [[], []]);
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual([recorder.messages, recorder.events], [["a", "b", "c"], ["half-closed"]]);
  assert.ok(!exchange.isPaused);
});

test("a call that its handler has paused takes no message until it goes on, also none that has come", async () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method);
  exchange.share.spend(wholeShare);
  exchange.listener.data(message("a"));
  recorder.call?.pause();
  exchange.listener.data(message("b"));
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual([recorder.messages, exchange.isPaused], [[], true]);
  recorder.call?.resume();
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual([recorder.messages, exchange.isPaused], [["a", "b"], false]);
});

test("of the messages of one chunk a handler takes none behind the one at which it pauses", async () => {
  let taken = 0;
  let call: Call | undefined;
  const method: Method = {
    kind: "bidi",
    open: (opened) => {
      call = opened;
      return {
        message: () => {
          taken++;
          opened.pause();
        },
        halfClosed: () => opened.finish(),
      };
    },
  };
  const exchange = begin(method);
  exchange.listener.data(Buffer.concat([message("a"), message("b"), message("c")]), true);
  exchange.listener.ended();
  for (const count of [1, 2, 3]) {
    for (let turn = 0; turn < 3; turn++) await settled();
    assert.deepEqual([taken, exchange.isEnded], [count, false]);
    call?.resume();
  }
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.ok(exchange.isEnded);
});

test("a unary call whose client cancels while it waits is not made", async () => {
  const { method, calls } = answeredLater();
  const exchange = begin(method);
  exchange.share.spend(wholeShare);
  exchange.listener.data(message("hello"));
  exchange.listener.ended();
  exchange.listener.aborted();
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.equal(calls(), 0);
});

test("the metadata of a call that fails are in its head and in its trailers", async () => {
  const method: Method = {
    kind: "unary",
    hasNoSideEffects: false,
    call: async (_format, _request, context) => {
      context.responseHeaders = { before: "1" };
      context.responseTrailers = { after: "2" };
      throw new ConfabError("PERMISSION_DENIED", "no");
    },
  };
  const exchange = begin(method);
  exchange.listener.data(message("hi"));
  exchange.listener.ended();
  await exchange.ended;
  assert.deepEqual(
    [exchange.headers["before"], exchange.trailers?.["after"], outcomeOf(exchange)],
    ["1", "2", "7 PERMISSION_DENIED"],
  );
});
