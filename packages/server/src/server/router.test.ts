import assert from "node:assert/strict";
import { test } from "node:test";
import { ignoredBody } from "../http/read-body.js";
import { replyJson } from "../http-reply/index.js";
import { unrestricted } from "../service/index.js";
import { FakeExchange } from "../testing/fake-exchange.js";
import { settled } from "../testing/manual-turns.js";
import type { Admission } from "./admission.js";
import { createRouter } from "./router.js";

/** A router whose one handler answers `{}`, and counts. */
function testRouter(handle: () => void = () => undefined) {
  const calls = { rest: 0, reported: 0 };
  const handler = createRouter({
    admission: { refusalOf: () => undefined, trustsCookies: () => true } as unknown as Admission,
    principalOf: () => unrestricted,
    rpc: { owns: () => false, handle: () => assert.fail(), refuse: () => assert.fail(), stop: () => undefined },
    rest: (exchange) => {
      calls.rest += 1;
      handle();
      exchange.listen(ignoredBody);
      replyJson(exchange, 200, Buffer.from("{}"));
    },
    pages: new Map(),
    files: undefined,
    report: () => {
      calls.reported += 1;
    },
  });
  return { handler, calls };
}

const request = { method: "GET", target: "/v1/rooms" };
/** More than the share of one turn. */
const allOfIt = 1_000;

test("a request is handled at once while its connection has something left", () => {
  const { handler } = testRouter();
  const exchange = new FakeExchange(request);
  handler(exchange);
  assert.deepEqual([exchange.status, exchange.isPaused], [200, false]);
});

test("a request waits unread while its connection has used up its share, and is handled in its turn", async () => {
  const { handler } = testRouter();
  const exchange = new FakeExchange(request);
  exchange.share.spend(allOfIt);
  handler(exchange);
  assert.deepEqual([exchange.status, exchange.isPaused], [undefined, true]);
  await settled();
  await settled();
  assert.deepEqual([exchange.status, exchange.isPaused], [200, false]);
});

test("a request whose client has gone while it waited is not handled", async () => {
  const { handler, calls } = testRouter();
  const exchange = new FakeExchange(request);
  exchange.share.spend(allOfIt);
  handler(exchange);
  exchange.reset();
  await settled();
  await settled();
  assert.equal(calls.rest, 0);
});

// Over HTTP/1.1 it would end the process: it is an event of Node's server.
test("a bug in the handling of a request is reported, and costs that request only", () => {
  const { handler, calls } = testRouter(() => {
    throw new Error("a bug");
  });
  const exchange = new FakeExchange(request);
  handler(exchange);
  assert.deepEqual([calls.reported, exchange.isReset], [1, true]);
});

test("a bug in the handling of a request that waited is reported, and costs that request only", async () => {
  const { handler, calls } = testRouter(() => {
    throw new Error("a bug");
  });
  const exchange = new FakeExchange(request);
  exchange.share.spend(allOfIt);
  handler(exchange);
  await settled();
  await settled();
  assert.deepEqual([calls.reported, exchange.isReset], [1, true]);
});
