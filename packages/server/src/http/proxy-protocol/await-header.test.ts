import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, type Server, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { testCertificate, testKey } from "../../testing/certificate.js";
import { peerOf } from "../peer.js";
import { createPort, type PortOptions } from "../port.js";
import { createTlsPort } from "../tls-port.js";

const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const header = "PROXY TCP4 198.51.100.1 203.0.113.7 56324 443\r\n";
const ownHeader = Buffer.from("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "latin1");

/** A port that says back which protocol came from which address, and then what comes. */
async function openPort(
  t: TestContext,
  open: (options: PortOptions) => Server,
  isTrusted = true,
  timeoutMs = 60_000,
  admits?: PortOptions["admits"],
) {
  const faults: string[] = [];
  const peers: unknown[] = [];
  const echo =
    (name: string) =>
    (socket: Socket, firstBytes: Uint8Array = new Uint8Array(0)) => {
      socket.on("error", () => undefined);
      peers.push(peerOf(socket));
      socket.write(`${name} from ${peerOf(socket).address}: `);
      socket.write(firstBytes);
      socket.pipe(socket);
    };
  const server = open({
    maxConnections: 10,
    prefaceTimeoutMs: timeoutMs,
    admits,
    proxyHeaders: {
      isProxy: ({ address }) => isTrusted && address === "127.0.0.1",
      onFault: (address, reason) => faults.push(`${address}: ${reason}`),
    },
    onHttp1: echo("http1"),
    onHttp2: echo("http2"),
  });
  const accepted: Socket[] = [];
  server.on("connection", (socket) => accepted.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, faults, peers };
}

const openTls = (options: PortOptions) =>
  createTlsPort({
    ...options,
    keyPair: { cert: testCertificate, key: testKey },
    clearTextAnswer: Buffer.from("This port speaks TLS."),
  }).server;

/** All that comes back until it ends with `text`, or until the connection ends. */
async function answerUntil(socket: Socket, text: string): Promise<string> {
  let answer = "";
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const complete = new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      answer += (chunk as Buffer).toString("latin1");
      if (answer.endsWith(text)) resolve();
    });
  });
  await Promise.race([complete, closed]);
  socket.destroy();
  return answer;
}

function sent(port: number, bytes: string | Buffer, text = get): Promise<string> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.write(bytes as string, "latin1");
  return answerUntil(socket, text);
}

test("a proxy's header names the peer, and the client's bytes behind it are all there", async (t) => {
  const { port } = await openPort(t, createPort);
  assert.equal(await sent(port, header + get), `http1 from 198.51.100.1: ${get}`);
  assert.equal(await sent(port, header + preface, preface), `http2 from 198.51.100.1: ${preface}`);
});

test("a header may come byte by byte, and end with its last one", async (t) => {
  const { port } = await openPort(t, createPort);
  const socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  for (const byte of header) {
    socket.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write(get);
  assert.equal(await answerUntil(socket, get), `http1 from 198.51.100.1: ${get}`);
});

test("a connection of the proxy's own has its address", async (t) => {
  const { port } = await openPort(t, createPort);
  assert.equal(await sent(port, Buffer.concat([ownHeader, Buffer.from(get)])), `http1 from 127.0.0.1: ${get}`);
});

test("a header stands before TLS, and the connection inside has its address", async (t) => {
  const { port, peers } = await openPort(t, openTls);
  const below = connectTcp(port, "127.0.0.1");
  below.write(header);
  const socket = connectTls({ socket: below, ca: testCertificate, servername: "localhost" });
  socket.write(get);
  assert.equal(await answerUntil(socket, get), `http1 from 198.51.100.1: ${get}`);
  assert.deepEqual(peers, [{ address: "198.51.100.1", isNamedByProxy: true, certificate: undefined }]);
  assert.equal(await sent(port, `${header}GET`, "TLS."), "This port speaks TLS.");
});

for (const [name, open] of [
  ["in the clear", createPort],
  ["over TLS", openTls],
] as const) {
  test(`a connection ${name} may be refused when the header has said whose it is`, async (t) => {
    const asked: unknown[] = [];
    const { port } = await openPort(t, open, true, 60_000, (socket) => {
      asked.push(peerOf(socket));
      socket.destroy();
      return false;
    });
    assert.equal(await sent(port, header + get), "");
    assert.deepEqual(asked, [{ address: "198.51.100.1", isNamedByProxy: true }]);
  });

  test(`a connection ${name} without a proxy may be refused`, async (t) => {
    const asked: unknown[] = [];
    const { port } = await openPort(t, open, false, 60_000, (socket) => {
      asked.push(peerOf(socket));
      socket.destroy();
      return false;
    });
    assert.equal(await sent(port, get), "");
    assert.deepEqual(asked, [{ address: "127.0.0.1" }]);
  });
}

test("a proxy without a header is not served, and the log has the reason", async (t) => {
  const { port, faults } = await openPort(t, createPort);
  assert.equal(await sent(port, get), "");
  assert.equal(await sent(port, `PROXY TCP4 nonsense\r\n${get}`), "");
  assert.deepEqual(faults, [
    "127.0.0.1: it does not begin with a PROXY header",
    "127.0.0.1: a PROXY header of version 1 is malformed",
  ]);
});

test("a header of an address that is not a proxy's is not taken for one", async (t) => {
  const { port, faults } = await openPort(t, createPort, false);
  assert.equal(await sent(port, header + get, `${header}${get}`), `http1 from 127.0.0.1: ${header}${get}`);
  assert.equal(await sent(port, get), `http1 from 127.0.0.1: ${get}`);
  assert.deepEqual(faults, []);
});

test("a header that does not come whole in time ends the connection", async (t) => {
  const { port } = await openPort(t, createPort, true, 50);
  assert.equal(await sent(port, header.slice(0, 20)), "");
});
