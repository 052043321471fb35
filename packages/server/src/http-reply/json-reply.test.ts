import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { FakeExchange } from "../testing/fake-exchange.js";
import { replyStatic, staticJson } from "./json-reply.js";

// A thousand requests for the AsyncAPI document made it a thousand times, and held the event loop for seconds.
test("JSON that never changes is written as the same bytes to every client, plain or compressed", () => {
  const json = staticJson({ hello: "world" });
  for (const [accepted, bytes, encoding] of [
    ["identity", json.plain, undefined],
    ["gzip, br", json.gzipped, "gzip"],
    ["gzip;q=0", json.plain, undefined],
  ] as const) {
    const exchange = new FakeExchange({ method: "GET", headers: { "accept-encoding": accepted } });
    replyStatic(exchange, json);
    assert.ok(exchange.written.length === 1 && exchange.written[0] === bytes, accepted);
    assert.equal(exchange.headers["content-encoding"], encoding);
    assert.equal(exchange.headers["content-length"], String(bytes.length));
    assert.equal(exchange.headers["vary"], "accept-encoding");
  }
  assert.deepEqual(JSON.parse(gunzipSync(json.gzipped).toString()), { hello: "world" });
});
