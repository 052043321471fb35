import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConnectionState, connect, type TransportName } from "@confab/client/node";
import { startServerProcess } from "../fixture/server-process.js";

/** The wait that each transport is told of when its server stops: a window of 3 s, or 3 s before any attempt. */
const advised: readonly (readonly [TransportName, delayMs: number])[] = [
  ["websocket-json", 1_500],
  ["websocket-proto", 1_500],
  ["websocket-plain", 3_250],
  ["connect", 3_250],
  ["grpc-web", 3_250],
  ["grpc", 3_250],
  ["sse", 3_250],
];

test("a server that stops tells its clients when to come back, and they do as they are told", {
  timeout: 30_000,
}, async (t) => {
  const server = await startServerProcess();
  t.after(() => server.stop());
  const other = connect({ url: server.url, user: "ada" });
  t.after(() => other.close());
  // A room that nobody has spoken in is not listed.
  await other.room("lobby").send("hi");
  const readers = advised.map(([transport]) => {
    const client = connect({ url: server.url, transport, random: () => 0.5 });
    t.after(() => client.close());
    const lost = new Promise<ConnectionState>((resolve) => {
      client.on("state", (state) => state.name === "reconnecting" && resolve(state));
    });
    const subscription = client.room("lobby").subscribe(() => undefined);
    const begun = async () => {
      while (subscription.position === undefined) await client.room("lobby").history();
    };
    return { transport, lost, begun: begun() };
  });
  await Promise.all(readers.map(({ begun }) => begun));
  // The plain WebSocket knows where it begins before it reads.
  for (;;) {
    const { rooms } = await other.rooms({ prefix: "lobby" });
    if (rooms[0]?.subscribers === advised.length) break;
  }
  await server.kill("SIGTERM");
  for (const [index, { transport, lost }] of readers.entries()) {
    const state = await lost;
    assert.ok(state.name === "reconnecting");
    assert.equal(state.error.code, "SHUTTING_DOWN");
    assert.deepEqual([transport, state.delayMs], advised[index]);
  }
});
