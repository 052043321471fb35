import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { http1TestServer } from "../../testing/http1-test-server.js";
import { Sweeper } from "../h2/sweeper.js";
import { ignoredBody } from "../read-body.js";
import { ReplyStalls } from "./reply-stalls.js";

const bodyBytes = 32 * 1_048_576;
const stallMs = 10_000;

/** A server of large replies, whose time the test moves, and a client that has asked for it and does not read. */
async function stalledClient(requests = 1, replyBytes = bodyBytes) {
  const time = { ms: 0 };
  const sweeper = new Sweeper(() => time.ms);
  const body = Buffer.alloc(replyBytes, "x");
  let ended = 0;
  const server = await http1TestServer(
    (exchange) => {
      exchange.listen({ ...ignoredBody, aborted: () => ended++ });
      exchange.respond(200, { "content-length": String(body.length) });
      exchange.write(body);
      exchange.end();
    },
    { replyStalls: new ReplyStalls(stallMs, sweeper) },
  );
  const client = connect(server.port, "127.0.0.1").pause();
  client.on("error", () => undefined);
  client.write("GET /a HTTP/1.1\r\nhost: x\r\n\r\n".repeat(requests));
  await once(client, "connect");
  while (server.sockets[0]?.writableLength === undefined || server.sockets[0].writableLength === 0) {
    await new Promise(setImmediate);
  }
  const pass = (ms: number) => {
    time.ms += ms;
    sweeper.sweepAll();
  };
  return { server, client, pass, aborts: () => ended };
}

// The reply of a client that read nothing was kept for as long as its connection lived.
test("a connection whose client takes nothing of a complete reply is ended after the stall time", async () => {
  const { server, client, pass } = await stalledClient();
  const [socket] = server.sockets;
  pass(0);
  pass(stallMs - 1);
  assert.equal(socket?.destroyed, false);
  pass(1);
  assert.equal(socket?.destroyed, true);
  client.destroy();
  await server.close();
});

test("a client that reads slowly gets its reply whole, however long it takes", async () => {
  const { server, client, pass } = await stalledClient();
  let readBytes = 0;
  client.on("data", (chunk: Buffer) => {
    readBytes += chunk.length;
    // More than the stall time passes in all, and never as much while the kernel's buffers are read.
    pass((2 * stallMs * chunk.length) / bodyBytes);
  });
  client.resume();
  while (readBytes < bodyBytes) await once(client, "data");
  assert.equal(server.sockets[0]?.destroyed, false);
  client.destroy();
  await server.close();
});

// Each of them is too small to be watched by itself.
test("a connection whose client asks and asks, and takes nothing of small replies, is ended after the stall time", async () => {
  const { server, client, pass, aborts } = await stalledClient(5_000, 10_000);
  const [socket] = server.sockets;
  pass(0);
  pass(stallMs);
  assert.equal(socket?.destroyed, true);
  while (aborts() === 0) await new Promise(setImmediate);
  client.destroy();
  await server.close();
});

test("replies that wait behind the one that is being read are not stalled", async () => {
  const { server, client, pass } = await stalledClient(3);
  let readBytes = 0;
  client.on("data", (chunk: Buffer) => {
    readBytes += chunk.length;
    pass((2 * stallMs * chunk.length) / bodyBytes);
  });
  client.resume();
  while (readBytes < 3 * bodyBytes) await once(client, "data");
  client.destroy();
  await server.close();
});
