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

test("the banner says who needs a certificate", () => {
  const tls = { certFile: "c", keyFile: "k", clientCaFiles: ["clients.pem"] };
  const certificate = { names: ["localhost"], validFrom: new Date(0), validTo: new Date(0) };
  const running = { url: "https://127.0.0.1:8080", certificate, adminTokenFile: undefined };
  const facts = { engine: { kind: "embedded", dataDir: "d" }, program: "confab", host: "0.0.0.0", tls } as const;
  const callers = "Callers that can reach 0.0.0.0 need";
  assert.equal(banner(running, facts)[1], `${callers} a certificate of an authority in clients.pem.`);
  assert.equal(
    banner(running, { ...facts, auth: { keyFiles: ["key"] }, allowAnyone: true })[1],
    `${callers} a token that is signed by a key of key, or a certificate of an authority in clients.pem, or come without one (--allow-anyone).`,
  );
});

test("the banner of a Unix socket has its path, and programs that can use it", () => {
  const running = { url: "unix:/run/a.sock", certificate: undefined, adminTokenFile: undefined };
  const engine = { kind: "embedded", dataDir: "d" } as const;
  const lines = banner(running, { engine, program: "confab", host: "unix:/run/a.sock" }).join("\n");
  assert.match(lines, /^Confab \S+ listens on \/run\/a\.sock;.*\nAll programs on this machine may connect/);
  assert.match(lines, /curl --unix-socket \/run\/a\.sock .* http:\/\/localhost\/v1\/rooms\/lobby\/messages/);
});

test("the banner says who needs a user of the hook connect", () => {
  const running = { url: "http://127.0.0.1:8080", certificate: undefined, adminTokenFile: undefined };
  const hooks = { connect: () => undefined };
  const facts = { engine: { kind: "embedded", dataDir: "d" }, program: "confab", host: "0.0.0.0", hooks } as const;
  assert.equal(
    banner(running, facts)[1],
    "Callers that can reach 0.0.0.0 need a user that the hook connect gives them.",
  );
  assert.match(String(banner(running, { ...facts, allowAnyone: true })[1]), /^ALL CALLERS/);
  assert.match(String(banner(running, { ...facts, host: "127.0.0.1" })[1]), /^All programs on this machine/);
});
