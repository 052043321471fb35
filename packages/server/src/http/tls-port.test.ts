import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { otherCertificate, otherKey, testCertificate, testKey } from "../testing/certificate.js";
import { createTlsPort, type TlsPortOptions } from "./tls-port.js";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const clearTextAnswer = Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nThis port speaks TLS.\n");

/** A port that says back who took a connection, and then what comes on it. */
async function openPort(t: TestContext, options: Partial<TlsPortOptions> = {}) {
  const echo =
    (name: string) =>
    (socket: Socket, firstBytes: Uint8Array = new Uint8Array(0)) => {
      socket.on("error", () => undefined);
      socket.write(`${name} from ${socket.remoteAddress}: `);
      socket.write(firstBytes);
      socket.pipe(socket);
    };
  const port = createTlsPort({
    maxConnections: 10,
    prefaceTimeoutMs: 60_000,
    keyPair: { cert: testCertificate, key: testKey },
    clearTextAnswer,
    onHttp1: echo("http1"),
    onHttp2: echo("http2"),
    ...options,
  });
  const accepted: Socket[] = [];
  port.server.on("connection", (socket) => accepted.push(socket));
  port.server.listen(0, "127.0.0.1");
  await once(port.server, "listening");
  t.after(async () => {
    for (const socket of accepted) socket.destroy();
    await once(port.server.close(), "close");
  });
  return { ...port, accepted, number: (port.server.address() as AddressInfo).port };
}

function tlsTo(port: number, options: ConnectionOptions = {}): TLSSocket {
  return connect({ port, host: "127.0.0.1", ca: [testCertificate, otherCertificate], ...options });
}

/** Send something and read until the echo is complete. */
async function said(socket: Duplex, text: string): Promise<string> {
  let answer = "";
  socket.write(text, "latin1");
  for await (const chunk of socket) {
    answer += (chunk as Buffer).toString("latin1");
    if (answer.endsWith(text)) break;
  }
  return answer;
}

async function failureOf(socket: Socket): Promise<string> {
  const [error] = (await once(socket, "error")) as [Error & { readonly code?: string }];
  return error.code ?? error.message;
}

test("the protocol that a client asked for is the one that it is held to", async (t) => {
  const { number } = await openPort(t);
  assert.equal(await said(tlsTo(number, { ALPNProtocols: ["h2", "http/1.1"] }), "x"), "http2 from 127.0.0.1: x");
  assert.equal(await said(tlsTo(number, { ALPNProtocols: ["http/1.1"] }), preface), `http1 from 127.0.0.1: ${preface}`);
  // The server's preference counts, as HTTP/2 clients expect it.
  assert.equal(await said(tlsTo(number, { ALPNProtocols: ["http/1.1", "h2"] }), get), `http2 from 127.0.0.1: ${get}`);
});

test("a client that asks for no protocol is told apart by its first bytes, wherever they are cut", async (t) => {
  const { number } = await openPort(t);
  assert.equal(await said(tlsTo(number), get), `http1 from 127.0.0.1: ${get}`);
  assert.equal(await said(tlsTo(number), `${preface}more`), `http2 from 127.0.0.1: ${preface}more`);
  const slow = tlsTo(number).setNoDelay();
  slow.write(preface.slice(0, 7));
  assert.equal(await said(slow, preface.slice(7)), `http2 from 127.0.0.1: ${preface}`);
});

test("a handshake that comes byte by byte is one all the same", async (t) => {
  const { number } = await openPort(t);
  const tcp = connectTcp(number, "127.0.0.1").setNoDelay();
  const drip = new Duplex({
    read: () => void tcp.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      const next = (at: number): void => {
        if (at === chunk.length) done();
        else tcp.write(chunk.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    },
    destroy: (error, done) => {
      tcp.destroy();
      done(error);
    },
  });
  tcp.on("data", (chunk) => drip.push(chunk));
  tcp.on("end", () => drip.push(null));
  assert.equal(
    await said(connect({ socket: drip, ca: testCertificate, host: "127.0.0.1" }), get),
    `http1 from 127.0.0.1: ${get}`,
  );
});

test("a protocol that is not spoken here, and versions of TLS before 1.2, are refused by an alert", async (t) => {
  const { number } = await openPort(t);
  assert.equal(
    await failureOf(tlsTo(number, { ALPNProtocols: ["acme-tls/1"] })),
    "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  );
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  assert.equal(await failureOf(tlsTo(number, old)), "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  const lowest = tlsTo(number, { maxVersion: "TLSv1.2" });
  assert.equal(await said(lowest, get), `http1 from 127.0.0.1: ${get}`);
});

test("renegotiation is refused", async (t) => {
  const { number } = await openPort(t);
  const client = tlsTo(number, { maxVersion: "TLSv1.2" });
  await once(client, "secureConnect");
  const failed = failureOf(client);
  client.on("error", () => undefined);
  client.renegotiate({}, () => undefined);
  assert.match(await failed, /NO_RENEGOTIATION/);
  client.destroy();
});

for (const [what, bytes] of [
  ["a request in the clear", get],
  ["a request with megabytes behind it", get + "x".repeat(4_000_000)],
  ["HTTP/2 in the clear", preface],
  ["noise", "\0\u0001\u0002"],
] as const) {
  test(`${what} is answered in the clear, and the connection ends in order`, async (t) => {
    const { number, accepted } = await openPort(t);
    const client = connectTcp(number, "127.0.0.1");
    client.write(bytes, "latin1");
    const chunks: Buffer[] = [];
    for await (const chunk of client) chunks.push(chunk as Buffer);
    assert.deepEqual(Buffer.concat(chunks), clearTextAnswer);
    if (accepted[0]?.closed !== true) await once(accepted[0] as Socket, "close");
  });
}

test("a client that says nothing, or begins a handshake and says no more, is cut, also when it ends its half", async (t) => {
  const { number, accepted } = await openPort(t, { prefaceTimeoutMs: 100 });
  const halfHello = "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc";
  for (const bytes of ["", halfHello]) {
    for (const isEnded of [false, true]) {
      const client = connectTcp({ port: number, host: "127.0.0.1", allowHalfOpen: true });
      client.on("error", () => undefined).resume();
      client.write(bytes, "latin1");
      if (isEnded) client.end();
      client.on("end", () => client.end());
      await once(client, "close");
    }
  }
  assert.equal(accepted.length, 4);
});

test("a client that drips its handshake is cut, though it is never silent for long", async (t) => {
  const { number } = await openPort(t, { prefaceTimeoutMs: 100 });
  const client = connectTcp(number, "127.0.0.1").setNoDelay();
  client.on("error", () => undefined).resume();
  // The head of a record that is as long as one may be: at this rate it would take minutes.
  client.write(Buffer.from([0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]));
  const dripping = setInterval(() => client.write("\u0003"), 10);
  // A byte that was under way makes the end a reset, and `once` would reject.
  await new Promise((resolve) => client.once("close", resolve));
  clearInterval(dripping);
});

test("a client that makes the handshake, asks for no protocol and says nothing is cut", async (t) => {
  const { number } = await openPort(t, { prefaceTimeoutMs: 100 });
  const client = tlsTo(number);
  client.on("error", () => undefined).resume();
  await once(client, "close");
});

test("a connection counts before its handshake", async (t) => {
  const { number, server } = await openPort(t, { maxConnections: 1 });
  const silent = connectTcp(number, "127.0.0.1");
  await Promise.all([once(server, "connection"), once(silent, "connect")]);
  const [dropped] = await Promise.all([failureOf(tlsTo(number)), once(server, "drop")]);
  assert.match(dropped, /ECONNRESET/);
  silent.destroy();
});

test("rubbish instead of a handshake costs that connection alone", async (t) => {
  const { number } = await openPort(t);
  const rubbish = connectTcp(number, "127.0.0.1");
  rubbish.on("error", () => undefined).resume();
  rubbish.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 200]), Buffer.alloc(200, 0xff)]));
  await once(rubbish, "close");
  assert.equal(await said(tlsTo(number), get), `http1 from 127.0.0.1: ${get}`);
});

test("another certificate is shown from the next handshake on, and what there is goes on", async (t) => {
  const { number, setKeyPair } = await openPort(t);
  const shown = (socket: TLSSocket) => socket.getPeerX509Certificate()?.toString();
  const before = tlsTo(number);
  await once(before, "secureConnect");
  setKeyPair({ cert: otherCertificate, key: otherKey });
  const after = tlsTo(number, { session: before.getSession() });
  await once(after, "secureConnect");
  assert.deepEqual([shown(before), shown(after)], [testCertificate, otherCertificate]);
  for (const socket of [before, after]) assert.equal(await said(socket, get), `http1 from 127.0.0.1: ${get}`);
});
