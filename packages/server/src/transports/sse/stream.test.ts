import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { roomIdFrom, type Subscription } from "../../core/index.js";
import { ReaderStalls } from "../../http/reader-stalls.js";
import { unrestricted } from "../../service/index.js";
import { FakeExchange } from "../../testing/fake-exchange.js";
import { testService } from "../../testing/test-service.js";
import { createSseHandler } from "./adapter.js";
import { EventMessages } from "./event.js";
import { SseStream } from "./stream.js";

const maxQueuedBytes = 100;

function stream() {
  const exchange = new FakeExchange({ method: "GET" });
  const reported: unknown[] = [];
  const { service, hub } = testService();
  let timesOver = 0;
  const sse = new SseStream(exchange, {
    encoding: new EventMessages(service.json),
    maxQueuedBytes,
    readerStalls: new ReaderStalls({ readerStallMs: 120_000 }),
    retryMs: () => 2_000,
    onOver: () => timesOver++,
    report: (error) => reported.push(error),
  });
  return { exchange, sse, reported, hub, timesOver: () => timesOver };
}

async function opened() {
  const parts = stream();
  const room = roomIdFrom("lobby");
  const { subscription } = await parts.hub.subscribe({ room, user: "", after: undefined, history: 0 }, parts.sse);
  parts.sse.open(subscription);
  return { ...parts, subscription };
}

for (const [isBelowHighWaterMark, queuedBytes, isTaken] of [
  [true, maxQueuedBytes + 1, true],
  [false, maxQueuedBytes - 1, true],
  [false, maxQueuedBytes, true],
  [false, maxQueuedBytes + 1, false],
] as const) {
  const socket = isBelowHighWaterMark ? "takes more" : "is full";
  test(`with ${queuedBytes} of ${maxQueuedBytes} bytes queued and a socket that ${socket}, a reader ${isTaken ? "stays live" : "lags"}`, () => {
    const { exchange, sse } = stream();
    Object.assign(exchange, { isBelowHighWaterMark, queuedBytes });
    assert.equal(sse.write(Buffer.from("x")), isTaken);
  });
}

test("a drained socket tells the subscription, which catches up", async () => {
  const { exchange, subscription } = await opened();
  subscription.state = "lagging";
  exchange.listener.drained();
  assert.equal(subscription.state, "catching-up");
});

test("no heartbeat is queued behind bytes that wait", () => {
  const { exchange, sse } = stream();
  exchange.queuedBytes = 1;
  sse.beat();
  assert.equal(exchange.text, "");
  exchange.queuedBytes = 0;
  sse.beat();
  assert.equal(exchange.text, ":\n\n");
});

test("a client that vanishes while it is being subscribed leaves no subscription behind", async () => {
  const { sse, exchange, hub, timesOver } = stream();
  const room = roomIdFrom("lobby");
  exchange.listener.aborted();
  const { subscription } = await hub.subscribe({ room, user: "", after: undefined, history: 0 }, sse);
  assert.equal(sse.open(subscription), false);
  assert.equal(subscription.state satisfies Subscription["state"], "closed");
  assert.equal(timesOver(), 1);
});

test("a subscription that the server ends before the stream has begun is an ordinary error response", () => {
  const { sse, exchange } = stream();
  sse.ended(new ConfabError("SHUTTING_DOWN", "going down"));
  assert.equal(exchange.status, 503);
  assert.equal(JSON.parse(exchange.text).error.code, "SHUTTING_DOWN");
  assert.equal(exchange.isEnded, true);
});

test("a bug that ends a stream is reported", async () => {
  const { sse, exchange, reported } = await opened();
  const bug = new ConfabError("INTERNAL", "internal error");
  sse.ended(bug);
  assert.match(exchange.text, /^event: error\ndata: .*INTERNAL/);
  assert.deepEqual(reported, [bug]);
});

test("a bug in the answering ends the exchange and is reported", async () => {
  const { service, hub } = testService();
  const reported: unknown[] = [];
  const exchange = new FakeExchange({ method: "GET" });
  const bug = new Error("broken");
  exchange.respond = () => {
    throw bug;
  };
  const sse = createSseHandler({ service, report: (error) => reported.push(error) });
  sse.openStream(exchange, unrestricted, () => create(UserSchema));
  while (!exchange.isReset) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(reported, [bug]);
  assert.equal(hub.roomInUse(roomIdFrom("lobby")), undefined);
  sse.close();
});

test("HEAD is told where the stream would start, joins no members, and leaves its room at once", async () => {
  const { service, hub } = testService();
  const users: string[] = [];
  const subscribe = hub.subscribe.bind(hub);
  hub.subscribe = (request, sink) => {
    users.push(request.user);
    return subscribe(request, sink);
  };
  const exchange = new FakeExchange({ method: "HEAD" });
  const sse = createSseHandler({ service });
  sse.openStream(exchange, unrestricted, () => create(UserSchema, { name: "ann" }));
  await exchange.ended;
  assert.deepEqual([exchange.status, exchange.headers["confab-position"], users], [200, "7:0", [""]]);
  assert.equal(hub.roomInUse(roomIdFrom("lobby")), undefined);
  sse.close();
});
