import assert from "node:assert/strict";
import { it } from "node:test";
import { contendersFrom } from "./transports.js";

it("a list of transports is taken in its order, also twice and slowed", () => {
  const ids = contendersFrom("sse, grpc,sse,sse+10ms,sse+10ms").map((each) => [each.id, each.addedDelayMs]);
  assert.deepEqual(ids, [
    ["sse", 0],
    ["grpc", 0],
    ["sse#2", 0],
    ["sse+10ms", 10],
    ["sse+10ms#2", 10],
  ]);
});

it("an unknown transport is answered with those that are known", () => {
  assert.throws(() => contendersFrom("grpc,smoke-signals"), /"smoke-signals"; there are grpc, grpc-web, connect-json/);
});
