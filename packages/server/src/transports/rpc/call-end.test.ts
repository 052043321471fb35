import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { ConfabError, enveloped, limitsWith } from "@confab/contract";
import { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import { FakeExchange } from "../../testing/fake-exchange.js";
import { settled } from "../../testing/manual-turns.js";
import { Work } from "../../work/index.js";
import type { Call, Method } from "./method.js";
import { answeredLater, CallBench, message, outcomeOf, Recorder, upper } from "./testing/call-bench.js";

const bench = new CallBench();
const begin = bench.begin.bind(bench);
afterEach(() => bench.close());

test("DEADLINE_EXCEEDED when the time is up first; the late answer is dropped", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { method, reply } = answeredLater();
  const exchange = begin(method, { timeoutMs: 50 });
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
    const exchange = begin(method, { arrivals: timeouts });
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
  for (const end of [
    (call: Call) => call.finish(),
    (_call: Call, exchange: FakeExchange) => exchange.listener.aborted(),
  ]) {
    const recorder = new Recorder();
    const exchange = begin(recorder.method, { protocol: "Connect" });
    assert.ok(recorder.call);
    recorder.call.start();
    assert.ok(bench.isIdleWatched);
    end(recorder.call, exchange);
    assert.ok(!bench.isIdleWatched);
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
    const exchange = begin(method, { timeoutMs: 5_000 });
    assert.equal(timers(), before + 1);
    end(exchange);
    await settled();
    assert.equal(timers(), before);
  });
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

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
  const exchange = begin(method, { timeoutMs: 50 });
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
    assert.equal(bench.isReaderWatched, false);
    started?.start();
    assert.equal(bench.isReaderWatched, true);
    if (end === "client") exchange.listener.aborted();
    else started?.finish();
    assert.equal(bench.isReaderWatched, false, end);
  }
});

const stopping = new ConfabError("SHUTTING_DOWN", "bye");

test("a server that stops ends the calls that would last, and lets a reply come that was asked for", async () => {
  const bidi = new Recorder();
  const lasting = [begin(bidi.method), begin(new Recorder().method)];
  lasting[1]?.listener.ended();
  const serverStream: Method = {
    kind: "server-stream",
    open: (call) => ({ message: () => call.start() }),
  };
  const stream = begin(serverStream);
  stream.listener.data(message("a"));
  stream.listener.ended();
  const { method, reply } = answeredLater();
  const asked = begin(method);
  asked.listener.data(message("a"));
  asked.listener.ended();
  const clientStream = new Recorder("client-stream");
  const answering = begin(clientStream.method);
  answering.listener.ended();
  for (const call of bench.streams) call.stop(stopping);
  assert.equal(outcomeOf(lasting[0] ?? assert.fail()), "14 SHUTTING_DOWN");
  assert.equal(outcomeOf(stream), "14 SHUTTING_DOWN");
  assert.deepEqual([asked.isEnded, answering.isEnded], [false, false]);
  reply("done");
  clientStream.call?.reply(Buffer.from("done"));
  await settled();
  assert.deepEqual([outcomeOf(asked), outcomeOf(answering)], ["0", "0"]);
  lasting[1]?.listener.aborted();
  assert.equal(bench.streams.size, 0);
});

test("what has come of a message is counted until the rest has come, or the call is over", () => {
  const whole = message("hello");
  for (const method of [upper, new Recorder().method]) {
    const exchange = begin(method);
    exchange.listener.data(whole.subarray(0, 7));
    exchange.listener.data(whole.subarray(7, 9));
    // The prefix of five bytes has been read.
    assert.equal(exchange.share.partialBytes, 4);
    exchange.listener.aborted();
    assert.equal(exchange.share.partialBytes, 0);
  }
  const unary = begin(upper);
  unary.listener.data(whole);
  assert.equal(unary.share.partialBytes, 5, "the one message of a call waits for the end of the request");
  unary.listener.ended();
  assert.equal(unary.share.partialBytes, 0);
  const known = begin(upper);
  known.listener.data(whole, true);
  assert.equal(known.share.partialBytes, 0, "the end is known to follow");
  const stream = begin(new Recorder().method);
  stream.listener.data(whole.subarray(0, 7));
  stream.listener.data(whole.subarray(7));
  assert.equal(stream.share.partialBytes, 0);
});

test("a message that is inflated in a later turn is counted then", () => {
  let drain: (() => void) | undefined;
  const work = new Work({
    nowMs: () => 0,
    afterTurn: (run) => {
      drain = run;
    },
  });
  const share = work.share();
  const unary = begin(upper, { share, headers: { "grpc-encoding": "gzip" } });
  share.spend(1_000);
  unary.listener.data(enveloped(1, gzipSync(Buffer.alloc(1_500, 0x61))));
  assert.equal(share.partialBytes, 0);
  drain?.();
  drain?.();
  assert.equal(share.partialBytes, 1_500);
  unary.listener.aborted();
  assert.equal(share.partialBytes, 0);
});

test("a small message that waits for the end of its request does not keep the chunk that it came in", async () => {
  const chunk = new Uint8Array(60_000);
  const text = message("hello");
  chunk.set(text, 50_000);
  const received: Uint8Array[] = [];
  const unary = begin({
    kind: "unary",
    hasNoSideEffects: false,
    call: async (_format, request) => {
      received.push(request);
      return request;
    },
  });
  unary.listener.data(chunk.subarray(50_000, 50_000 + text.length));
  unary.listener.ended();
  await settled();
  assert.deepEqual(
    received.map(({ buffer }) => buffer.byteLength),
    [5],
  );
});

test("TOO_MANY_REQUESTS for calls whose messages do not end, and nothing is held of them", () => {
  const bounds = { ...limitsWith(), maxPartialRequestBytesPerConnection: 1_000 };
  for (const method of [upper, new Recorder().method]) {
    const share = new Work({ bytes: bounds }).share();
    const exchange = begin(method, { share });
    exchange.listener.data(message("x".repeat(1_500)).subarray(0, 900));
    assert.ok(!exchange.isEnded);
    const other = begin(method, { share });
    other.listener.data(message("x".repeat(1_500)).subarray(0, 200));
    assert.ok(!other.isEnded);
    other.listener.aborted();
    assert.equal(outcomeOf(exchange), "8 TOO_MANY_REQUESTS");
    assert.equal(exchange.share.partialBytes, 0);
  }
});
