import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect as connectTls, createServer } from "node:tls";
import { testCertificate, testKey } from "../../testing/certificate.js";
import type { Exchange, ExchangeHandler } from "../exchange.js";
import { type Http2Connection, serveHttp2 } from "./connection.js";
import { Flag, FrameType } from "./frame.js";
import { maxUnsentAnswers } from "./guard.js";
import type { Http2Options } from "./options.js";
import { Sweeper } from "./sweeper.js";
import { frame, headers, opening } from "./testing/raw-peer.js";
import { echo, Recorder } from "./testing/server.js";

/** A server over TLS, by its port. */
async function serve(t: TestContext, handler: ExchangeHandler, more: Partial<Http2Options> = {}): Promise<number> {
  const connections: Http2Connection[] = [];
  const server = createServer({ cert: testCertificate, key: testKey, ALPNProtocols: ["h2"] }, (socket) => {
    const options = { scheme: "https", peer: { address: "127.0.0.1" }, maxHeaderBytes: 8192, maxStreams: 100 } as const;
    connections.push(serveHttp2(socket, new Uint8Array(0), { ...options, ...more }, handler));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const connection of connections) {
      connection.destroy();
      await connection.closed;
    }
    await once(server.close(), "close");
  });
  return (server.address() as AddressInfo).port;
}

/** A client of a server of echoes. */
async function open(t: TestContext): Promise<ClientHttp2Session> {
  const client = connect(`https://127.0.0.1:${await serve(t, echo)}`, { ca: testCertificate });
  t.after(() => client.destroy());
  await once(client, "connect");
  return client;
}

test("requests over TLS are served like those in the clear, with bodies of megabytes", async (t) => {
  const client = await open(t);
  await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const body = Buffer.alloc(700_000, `body ${n}`);
      const stream = client.request({ ":method": "POST" });
      stream.end(body);
      const chunks: Buffer[] = [];
      stream.on("data", (chunk) => chunks.push(chunk));
      await once(stream, "end");
      assert.ok(Buffer.concat(chunks).equals(body));
    }),
  );
});

// What users would have seen: a connection that lived for hours was cut with ENHANCE_YOUR_CALM, once its client had pinged
// two thousand times in all. Over TLS no write is over when it returns, and small ones are not followed by "drain".
test("a client over TLS that reads the answers to its pings may send any number of them", async (t) => {
  const client = await open(t);
  for (let sent = 0; sent <= maxUnsentAnswers; sent += 1) {
    await new Promise<void>((resolve, reject) => client.ping((error) => (error ? reject(error) : resolve())));
  }
});

// A dead peer that something is written to now and then was taken for one that reads, for as long as TCP kept it.
test("a silent peer over TLS is given up, though something was written in the turns in which it was looked at", async (t) => {
  let nowMs = 0;
  const sweeper = new Sweeper(() => nowMs);
  const asked: Exchange[] = [];
  const port = await serve(
    t,
    (exchange) => {
      exchange.listen(new Recorder());
      exchange.respond(200, {});
      asked.push(exchange);
    },
    { sweeper, timeouts: { pingIntervalMs: 3_000, pingTimeoutMs: 3_000 } },
  );
  const peer = connectTls({ port, host: "127.0.0.1", ca: testCertificate, ALPNProtocols: ["h2"] });
  peer.on("error", () => undefined).resume();
  let isClosed = false;
  peer.on("close", () => {
    isClosed = true;
  });
  peer.write(Buffer.concat([opening, frame(FrameType.SETTINGS, Flag.ACK, 0), headers(1, 0)]));
  while (asked.length === 0) await nextTurn();
  for (let sweeps = 0; sweeps < 20; sweeps += 1) {
    if (sweeps % 2 === 0) asked[0]?.write(Buffer.from("x"));
    // The turn's output is flushed first, and this runs right behind it.
    await nextTurn();
    nowMs += 1_000;
    sweeper.sweepAll();
    await nextTurn();
  }
  for (let turns = 0; turns < 1_000 && !isClosed; turns += 1) await nextTurn();
  assert.equal(isClosed, true);
});
