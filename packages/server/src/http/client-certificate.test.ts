import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect, type SecureVersion } from "node:tls";
import { testCertificate, testKey } from "../testing/certificate.js";
import { hoursFromNow, type Issued, TestAuthority } from "../testing/issue-certificate.js";
import { alternativeNames } from "./client-certificate.js";
import { type Peer, peerOf } from "./peer.js";
import { createTlsPort } from "./tls-port.js";

const authority = new TestAuthority("authority of clients");
const ann = authority.issue({
  commonName: "Ann",
  names: [
    ["uri", "spiffe://a.example/b, DNS:root"],
    ["dns", "a.example"],
    ["email", "ann@a.example"],
  ],
});

/** A port that greets the clients it admits, their peers, and the refusals. */
async function openPort(t: TestContext) {
  const peers: Peer[] = [];
  const refusals: string[] = [];
  const admit: Parameters<typeof createTlsPort>[0]["onHttp2"] = (socket) => {
    peers.push(peerOf(socket));
    socket.end("hello");
  };
  const { server } = createTlsPort({
    maxConnections: 100,
    prefaceTimeoutMs: 60_000,
    keyPair: { cert: testCertificate, key: testKey },
    clientAuthorities: { pem: [authority.cert], version: 7 },
    clearTextAnswer: Buffer.from("no"),
    onHttp1: (socket) => admit(socket, Buffer.alloc(0)),
    onHttp2: admit,
    onRefusedCertificate: (address, reason) => refusals.push(`${address} ${reason}`),
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, peers, refusals };
}

/** What the port says; empty: it ends the connection. */
async function greeting(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca: testCertificate, ALPNProtocols: ["h2"], ...options });
  let text = "";
  socket.on("data", (chunk) => {
    text += String(chunk);
  });
  // Over TLS 1.2 a client sees its refusal as an error in its handshake.
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

const names = [["dns", "ann"]] as const;
const refused: readonly (readonly [what: string, issued: Issued, reason: RegExp])[] = [
  ["of another authority", new TestAuthority("other").issue({ commonName: "ann", names }), /UNABLE_TO_/],
  [
    "of an authority with the same name and another key",
    new TestAuthority("authority of clients").issue({ commonName: "ann", names }),
    /UNABLE_TO_/,
  ],
  [
    "that has expired",
    authority.issue({ commonName: "ann", names, validFrom: hoursFromNow(-2), validTo: hoursFromNow(-1) }),
    /CERT_HAS_EXPIRED/,
  ],
  [
    "that is not valid yet",
    authority.issue({ commonName: "ann", names, validFrom: hoursFromNow(1), validTo: hoursFromNow(2) }),
    /CERT_NOT_YET_VALID/,
  ],
  ["that is for servers", authority.issue({ commonName: "ann", names, usage: "server" }), /INVALID_PURPOSE/],
  ["that signed itself", { cert: testCertificate, key: testKey }, /SELF_SIGNED|INVALID_PURPOSE/],
];
for (const [what, issued, reason] of refused) {
  for (const version of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
    for (const protocol of ["h2", "http/1.1"]) {
      test(`a certificate ${what} ends the connection before anything is read: ${version}, ${protocol}`, async (t) => {
        const { port, peers, refusals } = await openPort(t);
        const options: ConnectionOptions = { minVersion: version, maxVersion: version, ALPNProtocols: [protocol] };
        assert.equal(await greeting(port, { ...options, ...issued }), "");
        assert.equal(refusals.length, 1);
        assert.match(refusals[0] ?? "", /^127\.0\.0\.1 /);
        assert.match(refusals[0] ?? "", reason);
        assert.deepEqual(peers, []);
        assert.equal(await greeting(port, { ...options, ...ann }), "hello");
      });
    }
  }
}

test("a connection's peer has what its certificate says", async (t) => {
  const { port, peers } = await openPort(t);
  assert.equal(await greeting(port, ann), "hello");
  const { validFrom, validTo, fingerprint256 } = new X509Certificate(ann.cert);
  assert.deepEqual(peers, [
    {
      address: "127.0.0.1",
      certificate: {
        dnsNames: ["a.example"],
        uris: ["spiffe://a.example/b, DNS:root"],
        emails: ["ann@a.example"],
        commonNames: ["Ann"],
        validFromMs: Date.parse(validFrom),
        validToMs: Date.parse(validTo),
        fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
        authoritiesVersion: 7,
      },
    },
  ]);
});

test("a client without a certificate is admitted, and so is one whose certificate is for any use", async (t) => {
  const { port, peers } = await openPort(t);
  assert.equal(await greeting(port, {}), "hello");
  assert.equal(await greeting(port, authority.issue({ commonName: "b", usage: "any" })), "hello");
  assert.deepEqual(
    peers.map(({ certificate }) => certificate?.commonNames),
    [undefined, ["b"]],
  );
});

test("a name cannot pass for several: nothing is read from a list that is not well formed", () => {
  assert.deepEqual(alternativeNames('DNS:a, URI:"b\\u002c DNS:c", IP Address:10.0.0.7, email:d@e'), [
    ["DNS", "a"],
    ["URI", "b, DNS:c"],
    ["IP Address", "10.0.0.7"],
    ["email", "d@e"],
  ]);
  for (const text of ["", "DNS", "DNS:a,URI:b", 'DNS:"a', 'DNS:"a"b, URI:c']) {
    assert.deepEqual(alternativeNames(text), [], text);
  }
});

for (const version of ["TLSv1.2", "TLSv1.3"] satisfies SecureVersion[]) {
  test(`a session that is resumed has the certificate of its handshake: ${version}`, async (t) => {
    const { port, peers } = await openPort(t);
    const options = { port, host: "127.0.0.1", ca: testCertificate, minVersion: version, maxVersion: version, ...ann };
    const first = connect({ ...options, ALPNProtocols: ["h2"] });
    first.resume();
    const [session] = (await once(first, "session")) as [Buffer];
    await new Promise((resolve) => first.once("close", resolve));
    const second = connect({ ...options, ALPNProtocols: ["h2"], session });
    second.resume();
    await once(second, "secureConnect");
    assert.equal(second.isSessionReused(), true);
    await new Promise((resolve) => second.once("close", resolve));
    assert.deepEqual(
      peers.map(({ certificate }) => certificate?.commonNames),
      [["Ann"], ["Ann"]],
    );
  });
}
