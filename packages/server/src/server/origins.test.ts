import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "./config.js";
import { type ClientView, OriginPolicy } from "./origins.js";

const chat: ClientView = { authority: "chat.example:8080", scheme: "http" };

function assertAllowed(policy: OriginPolicy, origins: readonly string[], expected = true): void {
  for (const origin of origins) assert.equal(policy.allows(origin, chat), expected, origin);
}

const assertRefused = (policy: OriginPolicy, origins: readonly string[]) => assertAllowed(policy, origins, false);

describe("an origin policy", () => {
  it("allows a server's own pages and those of its list", () => {
    const policy = new OriginPolicy(["https://app.example"], false);
    assertAllowed(policy, ["http://chat.example:8080", "https://app.example"]);
    assertRefused(policy, [
      "http://chat.example",
      "http://app.example",
      "https://app.example.evil",
      "https://app.example:8443",
      "http://localhost:8080",
      "null",
      "",
    ]);
  });

  it("allows all hosts below a suffix, of that scheme and port, and not the suffix itself", () => {
    const policy = new OriginPolicy(["https://*.app.example", "http://*.dev.example:5173"], false);
    assertAllowed(policy, ["https://a.app.example", "https://a.b.app.example", "http://x.dev.example:5173"]);
    assertRefused(policy, [
      "https://app.example",
      "http://a.app.example",
      "https://a.app.example:8443",
      "https://evilapp.example",
      "https://a.app.example.evil",
      "http://x.dev.example",
      "http://x.dev.example:51730",
    ]);
  });

  it("takes an origin in the spellings that people use: upper case, the scheme's port, a slash at the end", () => {
    for (const text of [
      "https://APP.example",
      "HTTPS://app.example",
      "https://app.example:443",
      "https://app.example/",
    ])
      assertAllowed(new OriginPolicy([text], false), ["https://app.example"]);
    assertAllowed(new OriginPolicy(["https://*.APP.example:443/"], false), ["https://a.app.example"]);
    assertAllowed(new OriginPolicy(["http://app.example:8080"], false), ["http://app.example:8080"]);
  });

  it("takes pages without an origin only when it is told so, and the schemes of apps", () => {
    assertAllowed(new OriginPolicy(["null"], false), ["null"]);
    assertRefused(new OriginPolicy(["null"], false), ["https://app.example", ""]);
    const policy = new OriginPolicy(["capacitor://localhost", "chrome-extension://abcdef"], false);
    assertAllowed(policy, ["capacitor://localhost", "chrome-extension://abcdef"]);
    assertRefused(policy, ["ionic://localhost", "chrome-extension://other"]);
  });

  for (const text of [
    "",
    "app.example",
    "https://",
    "https://app.example/path",
    "https://app.example?x",
    "https://user@app.example",
    "https://app.*",
    "https://*",
    "https://*app.example",
    "https://a.*.example",
    "*.example",
    "https://app.example:*",
    "https://app.example, https://b.example",
    "NULL",
    "**",
  ]) {
    it(`refuses ${JSON.stringify(text)}, which no browser would ever send, and names the option`, () => {
      assert.throws(
        () => new OriginPolicy([text], false),
        (error: unknown) => error instanceof ConfigError && error.message.includes("--allow-origin"),
      );
    });
  }

  it("over TLS takes no page of http for its own, but one of https also behind a proxy that has the certificate", () => {
    const policy = new OriginPolicy([], false);
    for (const [origin, authority, scheme, expected] of [
      ["https://chat.example", "chat.example", "https", true],
      ["https://chat.example", "chat.example:443", "https", true],
      ["http://chat.example", "chat.example", "https", false],
      ["https://chat.example", "chat.example", "http", true],
      ["http://chat.example", "chat.example:80", "http", true],
      ["http://chat.example", "chat.example:443", "http", false],
      ["ftp://chat.example", "chat.example", "http", false],
      ["https://chat.example", "", "http", false],
    ] as const) {
      assert.equal(policy.allows(origin, { authority, scheme }), expected, `${origin} at ${authority} by ${scheme}`);
    }
  });

  it("of a server on loopback allows this machine's pages, and its own behind a proxy on this machine", () => {
    const policy = new OriginPolicy([], true);
    const allows = (origin: string, authority: string) => policy.allows(origin, { authority, scheme: "http" });
    assert.ok(allows("http://localhost:5173", "127.0.0.1:8080"));
    assert.ok(allows("http://127.0.0.1:8080", "127.0.0.1:8080"));
    assert.ok(allows("https://chat.example", "chat.example"));
    assert.equal(allows("https://chat.example", "127.0.0.1:8080"), false);
  });

  it("with a star allows everybody, files and sandboxes too", () => {
    assertAllowed(new OriginPolicy(["*"], true), ["https://anywhere.example", "null"]);
  });
});
