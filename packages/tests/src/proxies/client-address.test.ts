import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { ConfigError } from "@confab/server";
import { startReportingServer } from "./testing/reported-address.js";

describe("the address of a client behind a proxy", () => {
  it("is what X-Forwarded-For of a trusted proxy says", async (t) => {
    const { server, addressOf } = await startReportingServer(t, { trustedProxies: ["loopback"] });
    const headers = { "x-forwarded-for": "203.0.113.9, 198.51.100.1, 127.0.0.1" };
    assert.equal(await addressOf(server.url, { headers }), "198.51.100.1");
  });

  it("is the connection's where no proxy is trusted", async (t) => {
    const { server, addressOf } = await startReportingServer(t, {});
    assert.equal(await addressOf(server.url, { headers: { "x-forwarded-for": "198.51.100.1" } }), "127.0.0.1");
  });

  it("is what its PROXY header says, and X-Forwarded-For is the client's word then", async (t) => {
    const { server, addressOf } = await startReportingServer(t, { trustedProxies: ["loopback"], proxyProtocol: true });
    const createConnection = () => {
      const socket = connect(server.port, "127.0.0.1");
      socket.write("PROXY TCP4 198.51.100.1 203.0.113.7 56324 443\r\n");
      return socket;
    };
    const headers = { "x-forwarded-for": "192.0.2.66" };
    assert.equal(await addressOf(server.url, { createConnection, headers }), "198.51.100.1");
  });

  it("has to be said by a proxy of --proxy-protocol: other bytes end its connection, and are logged", async (t) => {
    const { server, lines } = await startReportingServer(t, { trustedProxies: ["loopback"], proxyProtocol: true });
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    socket.on("data", assert.fail);
    await once(socket, "close");
    assert.match(lines.at(-1) ?? "", /^a connection of a trusted proxy ends .*does not begin with a PROXY header/);
  });
});

it("--proxy-protocol needs proxies that are trusted", async (t) => {
  await assert.rejects(
    startReportingServer(t, { proxyProtocol: true }),
    (error) => error instanceof ConfigError && error.message.includes("--trust-proxy"),
  );
});
