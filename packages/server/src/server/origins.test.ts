import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RequestHead } from "../http/exchange.js";
import { isLoopbackHost, OriginPolicy } from "./origins.js";

function from(
  origin: string | undefined,
  authority = "chat.example:8080",
  scheme: RequestHead["scheme"] = "http",
): RequestHead {
  const headers = origin === undefined ? {} : { origin };
  return { method: "GET", target: "/", authority, scheme, headers, httpVersion: 1, remoteAddress: "127.0.0.1" };
}

describe("an origin policy", () => {
  it("does not judge requests that are no page's", () => {
    assert.ok(new OriginPolicy([], false).allows(from(undefined)));
  });

  it("allows a server's own pages and those of its list", () => {
    const policy = new OriginPolicy(["https://app.example"], false);
    assert.ok(policy.allows(from("http://chat.example:8080")));
    assert.ok(policy.allows(from("https://app.example")));
    for (const origin of [
      "http://chat.example",
      "http://app.example",
      "https://app.example.evil",
      "http://localhost:8080",
      "null",
      "",
    ]) {
      assert.equal(policy.allows(from(origin)), false, origin);
    }
  });

  it("over TLS takes no page of http for its own, but one of https also behind a proxy that has the certificate", () => {
    const policy = new OriginPolicy([], false);
    assert.ok(policy.allows(from("https://chat.example", "chat.example", "https")));
    assert.equal(policy.allows(from("http://chat.example", "chat.example", "https")), false);
    assert.ok(policy.allows(from("https://chat.example", "chat.example", "http")));
  });

  it("of a server on loopback allows this machine's pages, and no name that was made to resolve to it", () => {
    const policy = new OriginPolicy([], true);
    assert.ok(policy.allows(from("http://localhost:5173", "127.0.0.1:8080")));
    assert.ok(policy.allows(from("http://127.0.0.1:8080", "127.0.0.1:8080")));
    assert.equal(policy.allows(from("http://rebound.example:8080", "rebound.example:8080")), false);
  });

  it("with a star allows everybody, files and sandboxes too", () => {
    const policy = new OriginPolicy(["*"], true);
    for (const origin of ["https://anywhere.example", "null"]) assert.ok(policy.allows(from(origin)));
  });
});

describe("a host", () => {
  it("is loopback by its name or address alone", () => {
    for (const host of ["localhost", "app.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
      assert.ok(isLoopbackHost(host), host);
    for (const host of ["localhost.example", "127.0.0.1.example", "0.0.0.0", "::", "10.0.0.1", ""])
      assert.equal(isLoopbackHost(host), false, host);
  });
});
