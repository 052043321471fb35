import assert from "node:assert/strict";
import { test } from "node:test";
import { portPrintedBy } from "../child-output.js";
import type { TargetName } from "../options.js";
import { Sandbox } from "../sandbox.js";
import { startTarget } from "../targets/start-target.js";
import { chatText, sentProtobuf } from "./chat-text.js";
import { measureFanout } from "./fanout.js";
import { measureUnary } from "./unary.js";
import type { WireName } from "./wires/wire.js";

/* Servers that others wrote show that the clients written here by hand speak the protocols. */
const servers: readonly (readonly [TargetName, WireName])[] = [
  ["floor", "floor-ws"],
  ["floor", "floor-grpc"],
  ["ws", "ws-peer"],
  ["grpc-js", "grpc-peer"],
  ["connect-node", "grpc-peer"],
];

for (const [name, wire] of servers) {
  test(`five subscribers of ${name} by ${wire} get every message once and in order`, async (context) => {
    const sandbox = new Sandbox(false);
    context.after(() => sandbox.close());
    const { port, pid } = await startTarget(sandbox, name);
    const result = await measureFanout({
      wire,
      port,
      serverPid: pid,
      subscribers: 5,
      ratePerSecond: 100,
      warmUpMs: 100,
      measureMs: 300,
      graceMs: 20_000,
    });
    assert.equal(result.expected, 150);
    assert.equal(result.delivered, 150);
    assert.equal(result.outOfOrder, 0);
    assert.ok(result.p50Us !== undefined && result.p50Us >= 0);
    assert.ok(result.bytesPerDelivery > 150 && result.bytesPerDelivery < 300, `${result.bytesPerDelivery} bytes`);
  });
}

test("the unary load counts answered calls and none that failed", async (context) => {
  const sandbox = new Sandbox(false);
  context.after(() => sandbox.close());
  const { port } = await startTarget(sandbox, "grpc-js");
  const messageBase64 = Buffer.from(sentProtobuf(chatText(0, 0))).toString("base64");
  const result = await measureUnary({ port, connections: 2, streamsPerConnection: 3, durationMs: 300, messageBase64 });
  assert.ok(result.calls > 0);
  assert.equal(result.failedCalls, 0);
});

test("a server that ends before it listens is an error with its last words", async (context) => {
  const sandbox = new Sandbox(false);
  context.after(() => sandbox.close());
  const child = sandbox.spawn("server", [process.execPath, "-e", "throw new Error('no luck')"]);
  await assert.rejects(portPrintedBy(child, 10_000), /ended before it listened: .*no luck/s);
});
