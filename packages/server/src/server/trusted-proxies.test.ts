import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fields, RequestHead } from "../http/exchange.js";
import { ConfigError } from "./config.js";
import { TrustedProxies } from "./trusted-proxies.js";

function view(trusted: readonly string[], remoteAddress: string, headers: Fields): string {
  const request: RequestHead = {
    method: "GET",
    target: "/",
    authority: "127.0.0.1:8080",
    scheme: "http",
    headers,
    httpVersion: 1,
    remoteAddress,
  };
  const { scheme, authority } = new TrustedProxies(trusted).viewOf(request);
  return `${scheme}://${authority}`;
}

const forwarded = { "x-forwarded-host": "chat.example", "x-forwarded-proto": "https" };

describe("a trusted proxy", () => {
  it("says where the client sent its request", () => {
    for (const [trusted, from] of [
      ["10.0.0.7", "10.0.0.7"],
      ["10.0.0.0/8", "10.200.3.4"],
      ["fd00::/8", "fd12::1"],
      ["loopback", "127.0.0.1"],
      ["loopback", "::1"],
      ["loopback", "::ffff:127.0.0.1"],
      ["uniquelocal", "172.20.0.2"],
      ["linklocal", "fe80::1"],
    ] as const) {
      assert.equal(view([trusted], from, forwarded), "https://chat.example", `${trusted} ${from}`);
    }
  });

  it("is believed by its address alone", () => {
    for (const [trusted, from] of [
      [[], "127.0.0.1"],
      [["10.0.0.7"], "10.0.0.8"],
      [["10.0.0.0/8"], "11.0.0.1"],
      [["loopback"], "192.168.1.1"],
      [["loopback", "10.0.0.7"], ""],
    ] as const) {
      assert.equal(view(trusted, from, forwarded), "http://127.0.0.1:8080", from);
    }
  });

  it("may say one of the two, and is not asked for what it does not say", () => {
    assert.equal(view(["loopback"], "127.0.0.1", { "x-forwarded-proto": "HTTPS" }), "https://127.0.0.1:8080");
    assert.equal(view(["loopback"], "127.0.0.1", { "x-forwarded-host": "chat.example" }), "http://chat.example");
    assert.equal(view(["loopback"], "127.0.0.1", {}), "http://127.0.0.1:8080");
    assert.equal(
      view(["loopback"], "127.0.0.1", { "x-forwarded-host": "", "x-forwarded-proto": "gopher" }),
      "http://127.0.0.1:8080",
    );
  });

  it("that adds to what its client said has the last word", () => {
    const headers = { "x-forwarded-host": "evil.example, chat.example", "x-forwarded-proto": "http,https" };
    assert.equal(view(["loopback"], "127.0.0.1", headers), "https://chat.example");
  });

  for (const text of [
    "",
    "localhost",
    "*",
    "true",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0",
    "fd00::/129",
  ]) {
    it(`cannot be ${JSON.stringify(text)}, and the error names the option`, () => {
      assert.throws(
        () => new TrustedProxies([text]),
        (error: unknown) => error instanceof ConfigError && error.message.includes("--trust-proxy"),
      );
    });
  }
});
