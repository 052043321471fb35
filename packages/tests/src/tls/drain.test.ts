import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { after, before, test } from "node:test";
import { connect } from "node:tls";
import { testCertificate } from "@confab/server/testing/certificate";
import { WebSocket } from "ws";
import { startServerProcess } from "../fixture/server-process.js";
import { type TlsFiles, writeTlsFiles } from "./testing/tls-files.js";

let files: TlsFiles;

before(async () => {
  files = await writeTlsFiles();
});
after(() => files.remove());

test("a server of TLS that is told to stop says so on every connection, ends them in order, and is gone", async () => {
  const server = await startServerProcess({ flags: { tls: files } });
  const ca = testCertificate;
  const socket = new WebSocket(`${server.url.replace("https", "wss")}/chat`, "confab.v1.json", { ca });
  await once(socket, "message");
  const session = connectHttp2(server.url, { ca });
  const stream = session.request({ ":path": "/v1/rooms/lobby/stream", accept: "text/event-stream" });
  await once(stream.resume(), "response");
  // HTTP/1.1 that has been answered and is kept alive, a handshake made and nothing said, and one only begun.
  const alive = connect({ port: server.port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] });
  alive.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
  await once(alive, "data");
  const silent = connect({ port: server.port, host: "127.0.0.1", ca });
  await once(silent, "secureConnect");
  const half = connectTcp(server.port, "127.0.0.1");
  half.write(Buffer.from([0x16]));
  // They may end with an error: nobody has asked anything on two of them.
  const closes = [alive, silent, half].map((each) => {
    each.on("error", () => undefined).resume();
    return new Promise((resolve) => void each.on("close", resolve));
  });
  const goodbyes = [
    once(socket, "close"),
    once(session, "goaway"),
    once(stream, "end"),
    once(session, "close"),
  ] as const;

  await server.kill("SIGTERM");
  const [[code], [errorCode]] = await Promise.all(goodbyes);
  assert.deepEqual([code, errorCode], [1012, 0]);
  await Promise.all(closes);
  assert.equal(await server.exited, 0);
  await server.stop();
});
