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
    peer: { address: remoteAddress },
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

  it("is not a client that a PROXY header has named, whatever its address", () => {
    const proxies = new TrustedProxies(["uniquelocal"]);
    const peer = { address: "10.1.2.3", isNamedByProxy: true } as const;
    const headers = { ...forwarded, "x-forwarded-for": "127.0.0.1" };
    assert.equal(proxies.clientAddressOf(headers, peer), "10.1.2.3");
    const asIs = { authority: "127.0.0.1:8080", scheme: "http" } as const;
    assert.deepEqual(proxies.viewOf({ ...asIs, headers, peer } as unknown as RequestHead), asIs);
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

  it("is one that connects to the Unix socket, where those are trusted", () => {
    assert.equal(view(["unix"], "", forwarded), "https://chat.example");
    assert.equal(view(["unix"], "127.0.0.1", forwarded), "http://127.0.0.1:8080");
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

describe("the address of a client", () => {
  const addressOf = (trusted: readonly string[], peer: string, list?: string) =>
    new TrustedProxies(trusted).clientAddressOf(list === undefined ? {} : { "x-forwarded-for": list }, {
      address: peer,
    });
  const both = ["loopback", "10.0.0.0/8"];

  for (const [what, peer, list, expected] of [
    ["is the peer's without X-Forwarded-For", "127.0.0.1", undefined, "127.0.0.1"],
    ["is the peer's where that is not a trusted proxy", "192.0.2.9", "198.51.100.1", "192.0.2.9"],
    ["is what a proxy says", "127.0.0.1", "198.51.100.1", "198.51.100.1"],
    ["is what the first of two proxies says", "127.0.0.1", "198.51.100.1, 10.0.0.7", "198.51.100.1"],
    ["is not what the client wrote itself", "127.0.0.1", "127.0.0.1, 10.9.9.9,198.51.100.1 , 10.0.0.7", "198.51.100.1"],
    ["is a proxy's where all are", "127.0.0.1", "10.0.0.8,10.0.0.7", "10.0.0.8"],
    ["may come with a port", "127.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
    ["may be of IPv6, with brackets and a port", "127.0.0.1", "2001:db8::1, [::1]:80, [::1]", "2001:db8::1"],
    ["has one spelling where IPv4 is written as IPv6", "127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"],
    ["is the last proxy's where that one does not know", "127.0.0.1", "198.51.100.1, unknown, 10.0.0.7", "10.0.0.7"],
    ["is the peer's where the list is empty", "127.0.0.1", "", "127.0.0.1"],
    ["is never a text that is not an address", "127.0.0.1", "198.51.100.1, <script>", "127.0.0.1"],
    ["has no zone", "127.0.0.1", "fe80::1%eth0", "127.0.0.1"],
  ] as const) {
    it(what, () => assert.equal(addressOf(both, peer, list), expected));
  }

  it("comes through a Unix socket from trusted peers only", () => {
    assert.equal(addressOf(["unix"], "", "198.51.100.1"), "198.51.100.1");
    assert.equal(addressOf(both, "", "198.51.100.1"), "");
  });

  it("is looked for through 32 proxies and no more", () => {
    const proxies = (count: number) => Array.from({ length: count }, (_, at) => `10.0.0.${at + 1}`).join(",");
    assert.equal(addressOf(both, "127.0.0.1", `198.51.100.1,${proxies(31)}`), "198.51.100.1");
    assert.equal(addressOf(both, "127.0.0.1", `198.51.100.1,${proxies(32)}`), "10.0.0.1");
  });
});
