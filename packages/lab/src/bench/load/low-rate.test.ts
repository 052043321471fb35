import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { WebSocketServer } from "ws";
import { Sandbox } from "../sandbox.js";
import { startTarget } from "../targets/start-target.js";
import { measureFlush } from "./flush.js";
import { measureLowRate } from "./low-rate.js";

const load = {
  readerWire: "ws-peer",
  senderWire: "ws-peer",
  readers: 3,
  ratePerSecond: 50,
  warmUpRatePerSecond: 200,
  warmUpMs: 100,
  measureMs: 200,
} as const;

test("messages to the bench's own ws come once to each reader, and each is timed", async (context) => {
  const sandbox = new Sandbox(false);
  context.after(() => sandbox.close());
  const { port, pid } = await startTarget(sandbox, "ws");
  const result = await measureLowRate({ ...load, port, serverPid: pid });
  assert.equal(result.messages, 10);
  assert.ok(result.serverCpuUs > 0 && result.elapsedUs >= 190_000);
  assert.ok((result.p50Us ?? 0) > 0 && (result.p99Us ?? 0) >= (result.p50Us ?? 0));
});

/** Broadcasts; `copies` says how often the n-th broadcast reaches the n-th connection, of which the sender's is the first. */
async function openBroadcast(context: TestContext, copies: (message: number, connection: number) => number) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  const sockets: import("ws").WebSocket[] = [];
  let message = 0;
  server.on("connection", (socket) => {
    sockets.push(socket);
    socket.on("message", (bytes: Buffer) => {
      for (const [connection, each] of sockets.entries())
        for (let copy = 0; copy < copies(message, connection); copy += 1) each.send(bytes.toString("utf8"));
      message += 1;
    });
  });
  await once(server, "listening");
  context.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return { ...load, port: (server.address() as AddressInfo).port, serverPid: process.pid };
}

const late = 20;

test("a message that a reader misses fails the load", async (context) => {
  const faulty = await openBroadcast(context, (message, connection) => (message === late && connection === 2 ? 0 : 1));
  await assert.rejects(measureLowRate(faulty), /deliveries came|out of order/);
});

test("a message that comes twice fails the load", async (context) => {
  const faulty = await openBroadcast(context, (message, connection) => (message === late && connection === 2 ? 2 : 1));
  await assert.rejects(measureLowRate(faulty), /deliveries came|came twice/);
});

test("an acknowledgement that nothing waits for fails the load", async (context) => {
  const faulty = await openBroadcast(context, (message, connection) => (message === late && connection === 0 ? 2 : 1));
  await assert.rejects(measureLowRate(faulty), /acknowledged and is not waiting/);
});

test("each flush of a file is timed, at the rate of the messages", async (context) => {
  const sandbox = new Sandbox(false);
  context.after(() => sandbox.close());
  const folder = sandbox.makeFolder();
  const result = await measureFlush({ folder, ratePerSecond: 50, warmUpMs: 100, measureMs: 200 });
  assert.equal(result.messages, 10);
  assert.ok((result.p50Us ?? 0) > 0 && result.serverCpuUs > 0);
});
