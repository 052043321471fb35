import assert from "node:assert/strict";
import { test } from "node:test";
import { banner } from "./banner.js";

function proxyLines(trustedProxies: readonly string[]): string {
  const running = { url: "http://127.0.0.1:8080", certificate: undefined, adminTokenFile: undefined };
  const lines = banner(running, {
    engine: { kind: "embedded", dataDir: "d" },
    program: "confab",
    host: "127.0.0.1",
    trustedProxies,
  });
  return lines.slice(lines.findIndex((line) => line.startsWith("  proxy"))).join("\n");
}

test("the banner names the options that a proxy in front of the server needs", () => {
  assert.match(proxyLines([]), /--trust-proxy.*X-Forwarded-Host.*X-Forwarded-Proto.*\n.*--allow-host/);
});

test("the banner says which proxies are believed", () => {
  assert.match(proxyLines(["loopback", "10.0.0.7"]), /X-Forwarded-For are believed from loopback, 10\.0\.0\.7\n/);
});
