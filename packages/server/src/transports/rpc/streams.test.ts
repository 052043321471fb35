import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ConfabError, EnvelopeReader, enveloped, PayloadTypes } from "@confab/contract";
import { ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { ArrivalTimeouts } from "../../http/arrival-timeouts.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { RequestCaller, unrestricted } from "../../service/index.js";
import { FrameServer } from "../../testing/fake-channel.js";
import { FakeExchange } from "../../testing/fake-exchange.js";
import { settled } from "../../testing/manual-turns.js";
import { lobby, offsets } from "../../testing/test-hub.js";
import { EnvelopedCall } from "./call.js";
import { ConnectStreamWire } from "./connect/stream-wire.js";
import { converse } from "./converse.js";
import { GrpcWire } from "./grpc/wire.js";
import { Base64Reader, GrpcWebWire } from "./grpc-web/wire.js";
import { IdleStreams } from "./idle-streams.js";
import type { Method } from "./method.js";
import { Statuses } from "./rpc-error.js";
import { streamMessages } from "./stream-messages.js";
import type { Wire } from "./wire.js";

const statuses = new Statuses(PayloadTypes.none());

const arrivals = new ArrivalTimeouts(30_000);
let sweepIdle: () => void = () => assert.fail("no stream is watched");
/** So short a time is over after two sweeps. */
const readerStalls = new ReaderStalls({ readerStallMs: 120_000 });
const idleStreams = new IdleStreams({
  idleStreamEndMs: 20,
  repeat: (_intervalMs, sweep) => {
    sweepIdle = sweep;
    return () => undefined;
  },
});
const stayIdle = () => {
  sweepIdle();
  sweepIdle();
};
afterEach(() => arrivals.close());

interface BeginOptions {
  readonly isText?: boolean;
  readonly timeoutMs?: number;
  /** Default: gRPC, or gRPC-Web for text. */
  readonly wireFor?: (exchange: FakeExchange) => Wire;
}

function begin(method: Method, { isText = false, timeoutMs, wireFor }: BeginOptions = {}): FakeExchange {
  const exchange = new FakeExchange({ httpVersion: 2 });
  const wire =
    wireFor?.(exchange) ??
    (isText ? new GrpcWebWire(exchange, "proto", true, statuses) : new GrpcWire(exchange, "proto", statuses));
  const caller = new RequestCaller(wire.transport, exchange, unrestricted);
  const deps = {
    maxMessageBytes: 10_000,
    arrivals,
    idleStreams,
    readerStalls,
    streams: new Set<EnvelopedCall>(),
    report: (error: ConfabError) => assert.fail(error),
  };
  new EnvelopedCall(exchange, wire, method, { caller, timeoutMs }, deps).begin();
  return exchange;
}

/** The messages of the response; trailers of gRPC-Web are left out. */
function messagesOf({ written }: FakeExchange, isText = false): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const reader = new EnvelopeReader(
    1_000_000,
    (flags, message) => flags === 0 && messages.push(new Uint8Array(message)),
    () => assert.fail(),
  );
  const base64 = new Base64Reader();
  for (const bytes of written) reader.push(isText ? (base64.push(bytes) ?? assert.fail()) : bytes);
  return messages;
}

function offsetsOf(exchange: FakeExchange, isText = false): number[] {
  return messagesOf(exchange, isText).map((bytes) => Number(fromBinary(ChatMessageSchema, bytes).position?.offset));
}

const reader = (init: Parameters<typeof create<typeof UserSchema>>[1] = {}) =>
  enveloped(0, toBinary(UserSchema, create(UserSchema, init)));

async function stream(
  server: FrameServer,
  init: Parameters<typeof reader>[0] = {},
  options: BeginOptions = {},
): Promise<FakeExchange> {
  const exchange = begin(streamMessages(server.service), options);
  exchange.listener.data(reader(init));
  exchange.listener.ended();
  await server.settle();
  return exchange;
}

test("a stream's head says where it starts before there is any message, and then brings each", async () => {
  const server = new FrameServer();
  await server.hub.sayAndDeliver(2);
  const exchange = await stream(server);
  assert.deepEqual([exchange.status, exchange.headers["confab-position"], exchange.written], [200, "7:2", []]);
  await server.hub.sayAndDeliver(3);
  assert.deepEqual(offsetsOf(exchange), [3, 4, 5]);
});

test("a stream as text is the same messages in base64", async () => {
  const server = new FrameServer();
  const exchange = begin(streamMessages(server.service), { isText: true });
  exchange.listener.data(Buffer.from(Buffer.from(reader({ history: 5 })).toString("base64")));
  exchange.listener.ended();
  await server.settle();
  await server.hub.sayAndDeliver(3);
  assert.deepEqual(offsetsOf(exchange, true), [1, 2, 3]);
});

test("readers of one encoding share the bytes", async () => {
  const server = new FrameServer();
  const method = streamMessages(server.service);
  const exchanges = [begin(method), begin(method)];
  for (const exchange of exchanges) {
    exchange.listener.data(reader());
    exchange.listener.ended();
  }
  await server.settle();
  await server.hub.sayAndDeliver(1);
  assert.equal(exchanges[0]?.written[0], exchanges[1]?.written[0]);
});

test("the room is left when the client cancels, open or while it is being opened", async () => {
  for (const isSlow of [false, true]) {
    const server = new FrameServer();
    server.hub.engine.isSlow = isSlow;
    const exchange = await stream(server);
    assert.equal(server.hub.hub.roomInUse(lobby) !== undefined, !isSlow);
    exchange.listener.aborted();
    server.hub.engine.isSlow = false;
    await settled();
    server.hub.engine.releaseAll();
    await server.settle();
    assert.equal(server.hub.hub.roomInUse(lobby), undefined);
    assert.equal(server.hub.engine.watchersOf(lobby), 0);
    assert.deepEqual(exchange.written, []);
  }
});

test("the room is left at the deadline, and the reader is told", async (t) => {
  const server = new FrameServer();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const exchange = begin(streamMessages(server.service), { timeoutMs: 50 });
  exchange.listener.data(reader());
  exchange.listener.ended();
  await server.settle();
  t.mock.timers.tick(50);
  assert.deepEqual([exchange.trailers?.["grpc-status"], server.hub.hub.roomInUse(lobby)], ["4", undefined]);
});

test("a reader whose queue is above its bound lags, and gets the rest when it has drained", async () => {
  const server = new FrameServer({ maxQueuedBytes: 1_000 });
  const exchange = await stream(server);
  exchange.isBelowHighWaterMark = false;
  exchange.queuedBytes = 1_000;
  await server.hub.sayAndDeliver(1);
  await server.hub.sayAndDeliver(1);
  assert.deepEqual(offsetsOf(exchange), [1, 2], "at the bound it is still live");
  exchange.queuedBytes = 1_001;
  await server.hub.sayAndDeliver(1);
  await server.hub.sayAndDeliver(5);
  assert.deepEqual(offsetsOf(exchange), [1, 2, 3]);
  exchange.queuedBytes = 0;
  exchange.isBelowHighWaterMark = true;
  exchange.listener.drained();
  await server.settle();
  assert.deepEqual(offsetsOf(exchange), offsets(1, 8));
});

for (const [what, init, status] of [
  ["a position that cannot be resumed from", { after: { epoch: 1 } }, "11"],
  ["a room that cannot be", { room: "/" }, "3"],
] as const) {
  test(`a stream for ${what} is status ${status} at once`, async () => {
    const exchange = await stream(new FrameServer(), init);
    assert.deepEqual([exchange.isEnded, exchange.headers["grpc-status"]], [true, status]);
  });
}

/** The end of a response in the body: text with the position and the catalogue's code in it. */
function endOf({ written }: FakeExchange): string {
  let end = "";
  const reader = new EnvelopeReader(
    1_000_000,
    (flags, message) => {
      if (flags !== 0) end = Buffer.from(message).toString();
    },
    () => assert.fail(),
  );
  for (const bytes of written) reader.push(bytes);
  return end;
}

const wires = {
  Connect: (exchange: FakeExchange) => new ConnectStreamWire(exchange, "proto", statuses),
  "gRPC-Web": (exchange: FakeExchange) => new GrpcWebWire(exchange, "proto", false, statuses),
} as const;

for (const [protocol, wireFor] of Object.entries(wires)) {
  test(`a silent stream of ${protocol} ends with UNAVAILABLE and the position that its client has reached`, async () => {
    const server = new FrameServer();
    await server.hub.sayAndDeliver(2);
    const exchange = await stream(server, {}, { wireFor });
    await server.hub.sayAndDeliver(3);
    sweepIdle();
    await server.hub.sayAndDeliver(1);
    sweepIdle();
    assert.ok(!exchange.isEnded, "not while there are messages");
    sweepIdle();
    assert.ok(exchange.isEnded);
    assert.deepEqual(offsetsOf(exchange), [3, 4, 5, 6], "and no empty message");
    if (protocol === "Connect") {
      const { error, metadata } = JSON.parse(endOf(exchange));
      assert.deepEqual([error.code, metadata], ["unavailable", { "confab-position": ["7:6"] }]);
      const debug = error.details.map((detail: { debug: object }) => detail.debug);
      assert.deepEqual(debug, [{ reason: "IDLE_STREAM", domain: "confab.v1" }, { retryDelay: "0s" }]);
    } else {
      assert.match(endOf(exchange), /^grpc-status: 14\r\n(.+\r\n)+confab-position: 7:6\r\n$/);
    }
    assert.equal(server.hub.hub.roomInUse(lobby), undefined, "and the room is left");
  });
}

test("a stream in which nothing was ever sent ends with the position where it began, also behind the log's end", async () => {
  const server = new FrameServer();
  await server.hub.sayAndDeliver(2);
  server.hub.engine.isSlow = true;
  const exchange = await stream(server, {}, { wireFor: wires["gRPC-Web"] });
  stayIdle();
  assert.ok(!exchange.isEnded, "a stream that has not begun is not silent");
  server.hub.engine.isSlow = false;
  server.hub.engine.releaseAll();
  await server.settle();
  stayIdle();
  assert.match(endOf(exchange), /confab-position: 7:2\r\n/);
});

test("a silent stream of gRPC goes on: HTTP/2 pings show proxies that it is in use", async () => {
  const exchange = await stream(new FrameServer());
  await stream(new FrameServer(), {}, { wireFor: wires.Connect });
  stayIdle();
  assert.ok(!exchange.isEnded);
});

test("Converse welcomes, answers every frame that came before the half-close, and then ends", async () => {
  const server = new FrameServer();
  const exchange = begin(converse(server.service, server.sessions));
  const say = (init: Parameters<typeof create<typeof ClientFrameSchema>>[1]) =>
    exchange.listener.data(enveloped(0, toBinary(ClientFrameSchema, create(ClientFrameSchema, init))));
  say({ request: 1, frame: { case: "subscribe", value: {} } });
  say({ request: 2, frame: { case: "send", value: { user: "ann", text: "hi" } } });
  exchange.listener.ended();
  assert.ok(!exchange.isEnded);
  await server.settle();
  const frames = messagesOf(exchange).map((bytes) => fromBinary(ServerFrameSchema, bytes));
  assert.deepEqual(
    // Answers may overtake one another.
    frames.map(({ request, frame }) => `${request} ${frame.case}`).sort(),
    ["0 welcome", "1 subscribed", "2 ack"],
  );
  assert.deepEqual([exchange.trailers, server.hub.hub.roomInUse(lobby)], [{ "grpc-status": "0" }, undefined]);
});

test("Converse ends with RESOURCE_EXHAUSTED when its budget of errors is spent", async () => {
  const server = new FrameServer({ maxErrors: 10 });
  const exchange = begin(converse(server.service, server.sessions));
  const bad = enveloped(0, Uint8Array.of(0xff));
  exchange.listener.data(Buffer.concat(Array(10).fill(bad)));
  await settled();
  assert.ok(!exchange.isEnded);
  exchange.listener.data(Buffer.concat(Array(10).fill(bad)));
  await settled();
  assert.equal(messagesOf(exchange).length, 13, "a welcome, eleven errors, and RATE_LIMITED");
  assert.equal(exchange.trailers?.["grpc-status"], "8");
  assert.deepEqual(server.abuses, ["127.0.0.1: more than 10 errors within 30000 ms (maxErrors)"]);
});

test("Converse is told goodbye and ends with the reason", async () => {
  const server = new FrameServer();
  const exchange = begin(converse(server.service, server.sessions));
  server.sessions.closeAll(new ConfabError("SHUTTING_DOWN", "bye"), 1_000);
  const last = messagesOf(exchange).at(-1);
  assert.equal(last && fromBinary(ServerFrameSchema, last).frame.case, "goodbye");
  assert.equal(exchange.trailers?.["grpc-status"], "14");
});
