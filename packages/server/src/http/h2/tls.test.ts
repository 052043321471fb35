import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createServer } from "node:tls";
import { testCertificate, testKey } from "../../testing/certificate.js";
import { type Http2Connection, serveHttp2 } from "./connection.js";
import { echo } from "./testing/server.js";

test("requests over TLS are served like those in the clear, with bodies of megabytes", async (t) => {
  const connections: Http2Connection[] = [];
  const server = createServer({ cert: testCertificate, key: testKey, ALPNProtocols: ["h2"] }, (socket) => {
    const options = { scheme: "https", remoteAddress: "127.0.0.1", maxHeaderBytes: 8192, maxStreams: 100 } as const;
    connections.push(serveHttp2(socket, new Uint8Array(0), options, echo));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { ca: testCertificate });
  t.after(async () => {
    client.destroy();
    for (const connection of connections) {
      connection.destroy();
      await connection.closed;
    }
    server.close();
    await once(server, "close");
  });
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
