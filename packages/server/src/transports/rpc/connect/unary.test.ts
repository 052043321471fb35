import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { ConfabError, PayloadTypes } from "@confab/contract";
import { ArrivalTimeouts } from "../../../http/arrival-timeouts.js";
import type { Fields } from "../../../http/exchange.js";
import { unrestricted } from "../../../service/index.js";
import { FakeExchange } from "../../../testing/fake-exchange.js";
import { settled } from "../../../testing/manual-turns.js";
import type { CallContext } from "../method.js";
import { Statuses } from "../rpc-error.js";
import { ConnectUnaryCall } from "./unary.js";

const statuses = new Statuses(PayloadTypes.none());

const reported: ConfabError[] = [];
const arrivals = new ArrivalTimeouts(30_000);
afterEach(() => {
  arrivals.close();
  reported.length = 0;
});

const deps = {
  statuses,
  maxMessageBytes: () => 2_000,
  arrivals,
  report: (error: ConfabError) => void reported.push(error),
};

interface Started {
  readonly exchange: FakeExchange;
  readonly call: ConnectUnaryCall;
  /** What the method was asked. */
  readonly asked: string[];
}

function start(headers: Fields = {}, run = async (text: string) => text.toUpperCase(), verb = "POST"): Started {
  const exchange = new FakeExchange({ headers, method: verb });
  const asked: string[] = [];
  const method = {
    kind: "unary" as const,
    hasNoSideEffects: true,
    call: async (_format: string, request: Uint8Array) => {
      asked.push(Buffer.from(request).toString());
      return Buffer.from(await run(Buffer.from(request).toString()));
    },
  };
  return { exchange, asked, call: new ConnectUnaryCall(exchange, unrestricted, method, "json", deps) };
}

async function post(started: Started, body: Uint8Array): Promise<FakeExchange> {
  const { exchange, call } = started;
  call.post();
  exchange.listener.data(body);
  exchange.listener.ended();
  await exchange.ended;
  return exchange;
}

async function get(started: Started, query: Readonly<Record<string, string>>): Promise<FakeExchange> {
  started.call.get(new URLSearchParams(query));
  await started.exchange.ended;
  return started.exchange;
}

/** `HTTP-status connect_code` */
function errorOf({ status, text }: FakeExchange): string {
  return `${status} ${JSON.parse(text).code}`;
}

test("the body is the message, and so is the answer", async () => {
  const exchange = await post(start(), Buffer.from("hello"));
  assert.deepEqual([exchange.status, exchange.text], [200, "HELLO"]);
  assert.deepEqual(
    [exchange.headers["content-type"], exchange.headers["content-length"], exchange.headers["content-encoding"]],
    ["application/json", "5", undefined],
  );
});

test("gzip goes both ways, and a short answer goes as it is", async () => {
  const headers = { "content-encoding": "gzip", "accept-encoding": "br, gzip" };
  const short = await post(start(headers), gzipSync("hello"));
  assert.deepEqual([short.text, short.headers["content-encoding"]], ["HELLO", undefined]);
  const long = await post(start(headers), gzipSync("hello ".repeat(200)));
  assert.equal(long.headers["content-encoding"], "gzip");
  assert.equal(gunzipSync(Buffer.concat(long.written)).toString(), "HELLO ".repeat(200));
});

for (const [what, headers, body, outcome] of [
  ["a body above the bound", {}, new Uint8Array(2_001), "429 resource_exhausted"],
  ["a length above the bound", { "content-length": "2001" }, new Uint8Array(1), "429 resource_exhausted"],
  ["a bomb", { "content-encoding": "gzip" }, gzipSync(new Uint8Array(1e6)), "429 resource_exhausted"],
  ["a body that is not gzip", { "content-encoding": "gzip" }, Buffer.from("x"), "400 invalid_argument"],
  ["another compression", { "content-encoding": "br" }, Buffer.from("x"), "501 unimplemented"],
  ["a timeout that is none", { "connect-timeout-ms": "soon" }, Buffer.from("x"), "400 invalid_argument"],
  ["a timeout of nothing", { "connect-timeout-ms": "0" }, Buffer.from("x"), "504 deadline_exceeded"],
] as const) {
  test(`${what} is ${outcome}, and the method is not called`, async () => {
    const started = start(headers);
    const exchange = await post(started, body);
    assert.deepEqual([errorOf(exchange), started.asked, reported], [outcome, [], []]);
    assert.equal(exchange.headers["content-type"], "application/json");
  });
}

test("DEADLINE_EXCEEDED when the time is up first, and a body that comes later is not acted on", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const started = start({ "connect-timeout-ms": "50" });
  started.call.post();
  t.mock.timers.tick(50);
  assert.equal(errorOf(started.exchange), "504 deadline_exceeded");
  started.exchange.listener.data(Buffer.from("late"));
  started.exchange.listener.ended();
  await settled();
  assert.deepEqual(started.asked, []);
});

test("a client that goes away is told nothing, and the answer is dropped", async () => {
  const started = start();
  started.call.post();
  started.exchange.listener.data(Buffer.from("hello"));
  started.exchange.listener.ended();
  started.exchange.listener.aborted();
  await settled();
  assert.deepEqual([started.asked, started.exchange.written], [["hello"], []]);
});

test("a failure of ours is INTERNAL without its text, and is reported", async () => {
  const exchange = await post(
    start({}, () => Promise.reject(new Error("secret"))),
    Buffer.from("x"),
  );
  assert.equal(errorOf(exchange), "500 internal");
  assert.ok(!exchange.text.includes("secret"));
  assert.equal(reported.length, 1);
});

test("GET takes the message from the query: as it stands, as base64url with and without padding, and compressed", async () => {
  const text = '{"a":"ÿ?>"}';
  const base64 = Buffer.from(text).toString("base64url");
  const compressed = gzipSync(text).toString("base64url");
  for (const query of [
    { message: text },
    { message: base64, base64: "1" },
    { message: `${base64}==`, base64: "1" },
    { message: compressed, base64: "1", compression: "gzip" },
  ]) {
    const started = start({}, async (asked) => asked, "GET");
    const exchange = await get(started, query);
    assert.deepEqual([started.asked, exchange.text, exchange.status], [[text], text, 200]);
    assert.equal(exchange.headers["cache-control"], "no-store");
  }
});

for (const [what, query, outcome] of [
  ["no message", {}, "400 invalid_argument"],
  ["base64 that is none", { message: "a b", base64: "1" }, "400 invalid_argument"],
  ["a message above the bound", { message: "x".repeat(2_001) }, "429 resource_exhausted"],
  ["a compression that is unknown", { message: "x", compression: "br" }, "501 unimplemented"],
  ["gzip that is none", { message: "x", compression: "gzip" }, "400 invalid_argument"],
] as const) {
  test(`GET with ${what} is ${outcome}`, async () => {
    const started = start({}, undefined, "GET");
    assert.deepEqual([errorOf(await get(started, query)), started.asked], [outcome, []]);
  });
}

const endings: Readonly<Record<string, (exchange: FakeExchange) => void>> = {
  answered: ({ listener }) => {
    listener.data(Buffer.from("x"));
    listener.ended();
  },
  "too large": ({ listener }) => listener.data(Buffer.alloc(2_001)),
  cancelled: ({ listener }) => listener.aborted(),
};

for (const [ending, end] of Object.entries(endings)) {
  test(`a call with a deadline that is ${ending} leaves no timer`, async () => {
    const before = timers();
    const { exchange, call } = start({ "connect-timeout-ms": "5000" });
    call.post();
    end(exchange);
    await settled();
    assert.equal(timers(), before);
  });
}

test("a GET call with a deadline that is answered or cancelled leaves no timer", async () => {
  const before = timers();
  await get(start({ "connect-timeout-ms": "5000" }, undefined, "GET"), { message: "x" });
  const { exchange, call } = start({ "connect-timeout-ms": "5000" }, () => new Promise(() => undefined), "GET");
  call.get(new URLSearchParams({ message: "x" }));
  exchange.listener.aborted();
  assert.equal(timers(), before);
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

test("metadata are fields of the answer, and of an error: trailers with a prefix", async () => {
  for (const [fails, status] of [
    [false, 200],
    [true, 403],
  ] as const) {
    const exchange = new FakeExchange();
    const call = async (_format: string, request: Uint8Array, context: CallContext) => {
      context.responseHeaders = { before: "1" };
      context.responseTrailers = { after: "2" };
      if (fails) throw new ConfabError("PERMISSION_DENIED", "no");
      return request;
    };
    const method = { kind: "unary", hasNoSideEffects: false, call } as const;
    await post(
      { exchange, call: new ConnectUnaryCall(exchange, unrestricted, method, "json", deps), asked: [] },
      Buffer.from("{}"),
    );
    const { before, "trailer-after": after } = exchange.headers;
    assert.deepEqual([exchange.status, before, after], [status, "1", "2"]);
  }
});

test("the time of a GET runs from its arrival, also while it waits for its turn", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { exchange, call } = start({ "connect-timeout-ms": "50" }, () => assert.fail("it is over"), "GET");
  exchange.share.spend(1_000);
  call.get(new URLSearchParams({ message: "x" }));
  t.mock.timers.tick(50);
  assert.equal(exchange.status, 504);
  await new Promise(setImmediate);
});
