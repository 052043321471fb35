import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { testCertificate } from "@confab/server/testing/certificate";
import { requirePart } from "../optional-parts.js";
import { writeTlsFiles } from "../tls/testing/tls-files.js";
import { haproxyToServer } from "./testing/plans.js";
import { startProxy } from "./testing/proxy-program.js";
import { startReportingServer } from "./testing/reported-address.js";
import { transports, tryTransport } from "./testing/trial.js";

/** An address of this machine that is not the proxy's. */
const clientAddress = "127.0.0.2";

describe("HAProxy with the PROXY protocol", { concurrency: true }, () => {
  for (const option of ["send-proxy", "send-proxy-v2"]) {
    it(`says the client's address by ${option}`, async (t) => {
      const program = requirePart(t, "haproxy");
      if (program === undefined) return;
      const { server, addressOf } = await startReportingServer(t, {
        trustedProxies: ["127.0.0.1"],
        proxyProtocol: true,
      });
      const proxy = await startProxy(program, haproxyToServer(server.port, option));
      t.after(() => proxy.stop());
      const from = () => connect({ port: proxy.port, host: "127.0.0.1", localAddress: clientAddress });
      assert.equal(await addressOf(proxy.url, { createConnection: from }), clientAddress);
    });

    it(`says it in front of TLS by ${option}`, async (t) => {
      const program = requirePart(t, "haproxy");
      if (program === undefined) return;
      const files = await writeTlsFiles();
      t.after(() => files.remove());
      const { server, addressOf } = await startReportingServer(t, {
        trustedProxies: ["127.0.0.1"],
        proxyProtocol: true,
        tls: files,
      });
      const proxy = await startProxy(program, haproxyToServer(server.port, option), "https");
      t.after(() => proxy.stop());
      const from = () =>
        connectTls({
          port: proxy.port,
          host: "127.0.0.1",
          ca: testCertificate,
          socket: connect({ port: proxy.port, host: "127.0.0.1", localAddress: clientAddress }),
        });
      assert.equal(await addressOf(proxy.url, { createConnection: from }), clientAddress);
    });
  }

  it("passes every transport on", async (t) => {
    const program = requirePart(t, "haproxy");
    if (program === undefined) return;
    const { server } = await startReportingServer(t, { trustedProxies: ["127.0.0.1"], proxyProtocol: true });
    const proxy = await startProxy(program, haproxyToServer(server.port, "send-proxy-v2"));
    t.after(() => proxy.stop());
    // The server takes nothing from this machine's address without a header, so the sender goes through the proxy as well.
    const urls = { proxyUrl: proxy.url, serverUrl: proxy.url };
    const outcomes = await Promise.all(transports.map((transport) => tryTransport({ ...urls, transport, idleMs: 0 })));
    assert.deepEqual(
      outcomes,
      transports.map(() => "works"),
    );
  });
});
