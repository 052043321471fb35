import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ConfabError, EnvelopeReader, enveloped, envelopeFlag, PayloadTypes } from "@confab/contract";
import { forEachSeed } from "@confab/contract/testing/random";
import { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import type { Fields } from "../../http/exchange.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { FakeExchange } from "../../testing/fake-exchange.js";
import { settled } from "../../testing/manual-turns.js";
import { EnvelopedCall } from "./call.js";
import { ConnectStreamWire } from "./connect/stream-wire.js";
import { GrpcWire } from "./grpc/wire.js";
import { IdleStreams } from "./idle-streams.js";
import type { Call, CallHandler, Method } from "./method.js";
import { Statuses } from "./rpc-error.js";

const statuses = new Statuses(PayloadTypes.none());

const maxMessageBytes = 2_000;
const reported: ConfabError[] = [];
const arrivals = new ArrivalTimeouts(30_000);
/** Whether there is a stream whose reading is watched. */
let isReaderWatched = false;
const readerStalls = new ReaderStalls({ readerStallMs: 120_000 }, () => {
  isReaderWatched = true;
  return () => {
    isReaderWatched = false;
  };
});
const idleStreams = new IdleStreams({ idleStreamEndMs: 0 });
afterEach(() => {
  arrivals.close();
  reported.length = 0;
});

/** A gRPC call of a method, with the test as the client. */
function begin(method: Method, headers: Fields = {}, timeoutMs?: number): FakeExchange {
  const exchange = new FakeExchange({ headers, httpVersion: 2 });
  const deps = {
    maxMessageBytes,
    arrivals,
    idleStreams,
    readerStalls,
    report: (error: ConfabError) => void reported.push(error),
  };
  new EnvelopedCall(exchange, new GrpcWire(exchange, "proto", statuses), method, timeoutMs, deps).begin();
  return exchange;
}

function messagesOf(exchange: FakeExchange): string[] {
  const messages: string[] = [];
  const reader = new EnvelopeReader(
    1_000_000,
    (flags, bytes) => messages.push(Buffer.from(flags === 0 ? bytes : gunzipSync(bytes)).toString()),
    () => assert.fail(),
  );
  for (const bytes of exchange.written) reader.push(bytes);
  assert.ok(reader.isAtBoundary);
  return messages;
}

/** The gRPC status and the catalogue's code, wherever they were sent. */
function outcomeOf(exchange: FakeExchange): string {
  assert.ok(exchange.isEnded, "the call has ended");
  const trailers = exchange.trailers ?? exchange.headers;
  const details = Buffer.from(trailers["grpc-status-details-bin"] ?? "", "base64").toString("latin1");
  return `${trailers["grpc-status"]} ${/[A-Z]{2,}(_[A-Z]+)*/.exec(details)?.[0] ?? ""}`.trim();
}

const message = (text: string) => enveloped(0, Buffer.from(text));

/** Answers with what it was asked, in upper case. */
const upper: Method = {
  kind: "unary",
  hasNoSideEffects: false,
  call: async (_format, request) => Buffer.from(Buffer.from(request).toString().toUpperCase()),
};

/** A unary method that the test answers. */
function answeredLater(): {
  method: Method;
  reply: (text: string) => void;
  fail: (error: unknown) => void;
  calls: () => number;
} {
  let calls = 0;
  let settle: { resolve: (bytes: Uint8Array) => void; reject: (error: unknown) => void } | undefined;
  return {
    method: {
      kind: "unary",
      hasNoSideEffects: false,
      call: () =>
        new Promise((resolve, reject) => {
          calls++;
          settle = { resolve, reject };
        }),
    },
    reply: (text) => settle?.resolve(Buffer.from(text)),
    fail: (error) => settle?.reject(error),
    calls: () => calls,
  };
}

/** A bidi method whose handler the test sees. */
class Recorder implements CallHandler {
  readonly messages: string[] = [];
  readonly events: string[] = [];
  call: Call | undefined;

  get method(): Method {
    return {
      kind: "bidi",
      open: (call) => {
        this.call = call;
        return this;
      },
    };
  }

  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes).toString());
  }

  halfClosed(): void {
    this.events.push("half-closed");
  }

  drained(): void {
    this.events.push("drained");
  }

  over(): void {
    this.events.push("over");
  }
}

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
    const exchange = begin(method, headers);
    for (const chunk of chunks) exchange.listener.data(chunk);
    if (!exchange.isEnded) exchange.listener.ended();
    else exchange.listener.data(message("more, which is dropped"));
    await exchange.ended;
    assert.equal(outcomeOf(exchange), outcome);
    assert.deepEqual([calls(), reported], [0, []]);
    assert.deepEqual([exchange.trailers, exchange.written], [undefined, []], "head and trailers are one");
  });
}

test("gzip goes both ways, and a short answer goes as it is", async () => {
  const headers = { "grpc-encoding": "gzip", "grpc-accept-encoding": "identity,gzip" };
  for (const [text, isCompressed] of [
    ["hello", false],
    ["hello ".repeat(300), true],
  ] as const) {
    const exchange = begin(upper, headers);
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
      () => begin(method, headers, timeoutMs),
      (error: unknown) => error instanceof ConfabError && error.code === code,
    );
  }
  assert.equal(calls(), 0);
});

test("DEADLINE_EXCEEDED when the time is up first; the late answer is dropped", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { method, reply } = answeredLater();
  const exchange = begin(method, {}, 50);
  exchange.listener.data(message("a"));
  exchange.listener.ended();
  t.mock.timers.tick(50);
  assert.equal(outcomeOf(exchange), "4 DEADLINE_EXCEEDED");
  reply("late");
  await settled();
  assert.deepEqual(exchange.written, []);
});

test("REQUEST_TIMEOUT when the request does not arrive whole in time, and none for a stream of many messages", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const timeouts = new ArrivalTimeouts(1_000, () => nowMs);
  const exchanges = [upper, new Recorder().method].map((method) => {
    const exchange = new FakeExchange({ httpVersion: 2 });
    const deps = { maxMessageBytes, arrivals: timeouts, idleStreams, readerStalls, report: () => assert.fail() };
    new EnvelopedCall(exchange, new GrpcWire(exchange, "proto", statuses), method, undefined, deps).begin();
    exchange.listener.data(message("hello").subarray(0, 7));
    return exchange;
  });
  nowMs = 1_000;
  t.mock.timers.tick(1_000);
  assert.deepEqual(
    exchanges.map(({ isEnded }) => isEnded),
    [true, false],
  );
  assert.equal(outcomeOf(exchanges[0] ?? new FakeExchange()), "4 REQUEST_TIMEOUT");
});

test("a stream that is over is no longer looked at for being idle", () => {
  let isSwept = false;
  const repeat = () => {
    isSwept = true;
    return () => {
      isSwept = false;
    };
  };
  const idle = new IdleStreams({ idleStreamEndMs: 100, repeat });
  for (const end of [
    (call: Call) => call.finish(),
    (_call: Call, exchange: FakeExchange) => exchange.listener.aborted(),
  ]) {
    const recorder = new Recorder();
    const exchange = new FakeExchange({ httpVersion: 2 });
    const deps = { maxMessageBytes, arrivals, idleStreams: idle, readerStalls, report: () => assert.fail() };
    new EnvelopedCall(
      exchange,
      new ConnectStreamWire(exchange, "proto", statuses),
      recorder.method,
      undefined,
      deps,
    ).begin();
    assert.ok(recorder.call);
    recorder.call.start();
    assert.ok(isSwept);
    end(recorder.call, exchange);
    assert.ok(!isSwept);
  }
});

test("a client that cancels is told nothing more, and what its call holds is released once", async () => {
  const { method, reply } = answeredLater();
  const unary = begin(method);
  unary.listener.data(message("a"));
  unary.listener.ended();
  unary.listener.aborted();
  reply("late");
  await settled();
  assert.deepEqual([unary.written, unary.isEnded], [[], false]);

  const recorder = new Recorder();
  const stream = begin(recorder.method);
  recorder.call?.start();
  stream.listener.aborted();
  stream.listener.aborted();
  recorder.call?.finish(new ConfabError("INTERNAL", "late"));
  assert.ok(recorder.call?.send(Buffer.from("late")), "a dead call does not ask to wait");
  assert.deepEqual([recorder.events, stream.written, stream.isEnded], [["over"], [], false]);
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
  assert.equal(reported.length, 1);
});

test("a stream gets every message in order, each decompressed, and then the half-close", () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method, { "grpc-encoding": "gzip" });
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
    const exchange = begin(recorder.method, { "grpc-encoding": "gzip" });
    const bytes = random.oneIn(2) ? random.bytes(30) : Buffer.concat([message("a"), random.bytes(10)]);
    for (const chunk of random.chunks(bytes, 7)) exchange.listener.data(chunk);
    exchange.listener.ended();
    if (exchange.isEnded)
      assert.match(outcomeOf(exchange), /^(3 MALFORMED_MESSAGE|8 PAYLOAD_TOO_LARGE|13 BROKEN_COMPRESSION)$/);
    else assert.deepEqual(recorder.events, ["half-closed"]);
    exchange.listener.aborted();
  });
});

/** How calls end: each with its method, and what happens to it. */
const endings: Readonly<Record<string, readonly [Method, (exchange: FakeExchange) => void]>> = {
  answered: [
    upper,
    ({ listener }) => {
      listener.data(message("x"));
      listener.ended();
    },
  ],
  malformed: [upper, ({ listener }) => listener.data(Buffer.of(0xff, 0, 0, 0, 0))],
  "ended without a message": [upper, ({ listener }) => listener.ended()],
  cancelled: [new Recorder().method, ({ listener }) => listener.aborted()],
  "cancelled after its half-close": [
    new Recorder().method,
    ({ listener }) => {
      listener.ended();
      listener.aborted();
    },
  ],
};

for (const [ending, [method, end]] of Object.entries(endings)) {
  test(`a call with a deadline that is ${ending} leaves no timer`, async () => {
    const before = timers();
    const exchange = begin(method, {}, 5_000);
    assert.equal(timers(), before + 1);
    end(exchange);
    await settled();
    assert.equal(timers(), before);
  });
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

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

test("a call that its handler has paused stays paused when the messages that waited are taken", async () => {
  const recorder = new Recorder();
  const exchange = begin(recorder.method);
  exchange.share.spend(wholeShare);
  exchange.listener.data(message("a"));
  recorder.call?.pause();
  for (let turn = 0; turn < 3; turn++) await settled();
  assert.deepEqual([recorder.messages, exchange.isPaused], [["a"], true]);
  recorder.call?.resume();
  assert.ok(!exchange.isPaused);
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

// The deadline's timer stayed behind, and threw when it fired.
test("what opening a call throws is its status, and nothing stays behind", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const method: Method = {
    kind: "bidi",
    open: (call) => {
      call.start();
      throw new ConfabError("PERMISSION_DENIED", "no");
    },
  };
  const exchange = begin(method, {}, 50);
  assert.equal(outcomeOf(exchange), "7 PERMISSION_DENIED");
  t.mock.timers.tick(50);
  assert.equal(outcomeOf(exchange), "7 PERMISSION_DENIED");
});

test("a call that is finished while it is opened is over once, and takes no message", () => {
  const told: string[] = [];
  const method: Method = {
    kind: "bidi",
    open: (call) => {
      call.finish(new ConfabError("PERMISSION_DENIED", "no"));
      return {
        message: () => told.push("message"),
        halfClosed: () => told.push("half-closed"),
        over: () => told.push("over"),
      };
    },
  };
  const exchange = begin(method);
  exchange.listener.data(message("hi"));
  exchange.listener.ended();
  assert.deepEqual([outcomeOf(exchange), told], ["7 PERMISSION_DENIED", ["over"]]);
});

test("a stream's reader is watched from its head to its end, which the client or the server brings", () => {
  for (const end of ["client", "server"]) {
    let started: Call | undefined;
    const open = (call: Call) => {
      started = call;
      return { message: () => undefined, halfClosed: () => undefined };
    };
    const exchange = begin({ kind: "bidi", open });
    assert.equal(isReaderWatched, false);
    started?.start();
    assert.equal(isReaderWatched, true);
    if (end === "client") exchange.listener.aborted();
    else started?.finish();
    assert.equal(isReaderWatched, false, end);
  }
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
