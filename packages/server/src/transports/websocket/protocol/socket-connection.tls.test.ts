import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect, createServer } from "node:tls";
import { testCertificate, testKey } from "../../../testing/certificate.js";
import type { WebSocketConnection } from "./connection.js";
import { encodeTextFrame } from "./frame-writer.js";
import { Heartbeat } from "./heartbeat.js";
import { openConnection } from "./socket-connection.js";

// What users saw, now and then: a peer that was dead already was pinged a second time, and one that only slept found its
// connection gone without a word. A write over TLS is over a turn after it was made, and what is written meanwhile waits.
test("a silent peer over TLS is pinged once and told why it is given up, whatever else is written in those turns", async (t) => {
  const server = createServer({ cert: testCertificate, key: testKey });
  await once(server.listen(0, "127.0.0.1"), "listening");
  let sweep: () => void = () => undefined;
  const heartbeat = new Heartbeat({ pingIntervalMs: 100, readerStallMs: 200 }, (_intervalMs, task) => {
    sweep = task;
    return () => undefined;
  });
  const closedWith: number[] = [];
  const accepted = new Promise<WebSocketConnection>((resolve) => {
    server.on("secureConnection", (socket) => {
      const connection = openConnection(socket, new Uint8Array(0), {
        maxMessageBytes: 1_000,
        maxQueuedBytes: 16_384,
        heartbeat,
        maxControlFrames: 1_000,
        budgetWindowMs: 30_000,
        remoteAddress: "127.0.0.1",
        partialMessages: { holdPartial: assert.fail },
        onAbuse: assert.fail,
      });
      connection.listen({
        message: () => undefined,
        drained: () => undefined,
        closed: (code) => closedWith.push(code),
      });
      resolve(connection);
    });
  });
  const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ca: testCertificate });
  t.after(async () => {
    client.destroy();
    await once(server.close(), "close");
  });
  const chunks: Buffer[] = [];
  client.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise((resolve) => client.on("error", () => undefined).once("close", resolve));

  const connection = await accepted;
  // Four sweeps to the ping and four to the end, and some for a peer that was not silent at first.
  for (let sweeps = 0; closedWith.length === 0 && sweeps < 20; sweeps += 1) {
    connection.write(encodeTextFrame("x"));
    sweep();
    await nextTurn();
  }
  assert.deepEqual(closedWith, [4509]);
  await ended;
  const received = Buffer.concat(chunks).toString("latin1").replaceAll("\x81\x01x", "");
  assert.equal(received.slice(0, 3), "\x89\0\x88", "one ping, then a close frame");
  assert.equal(received.slice(4, 18), "\x11\x9dPING_TIMEOUT", "4509");
});
