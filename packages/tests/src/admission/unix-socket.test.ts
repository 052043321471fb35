import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { ConfigError } from "@confab/server";
import { testCertificate } from "@confab/server/testing/certificate";
import { type ServerConfig, startServer } from "@confab/server/testing/start-server";
import { WebSocket } from "ws";
import { startProgram } from "../fixture/live-program.js";
import { runProgram } from "../fixture/run-program.js";
import { requirePart } from "../optional-parts.js";
import { startReportingServer } from "../proxies/testing/reported-address.js";
import { writeTlsFiles } from "../tls/testing/tls-files.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let sockets = 0;
const newPath = () => join(folder, `${++sockets}.sock`);

async function serverOn(t: TestContext, path: string, config: Omit<Partial<ServerConfig>, "host"> = {}) {
  const dataDir = mkdtempSync(join(folder, "data-"));
  const engine = { kind: "embedded", dataDir, durability: "os" } as const;
  const server = await startServer({ host: `unix:${path}`, engine, ...config });
  t.after(() => server.close());
  return server;
}

/** The status of a request over HTTP/1.1. */
async function statusAt(socketPath: string, path = "/v1/rooms", host = "localhost"): Promise<number | undefined> {
  const sent = request({ socketPath, path, agent: false, headers: { host } }).end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}

/** A socket that a server left over when it was killed. */
async function leftOver(): Promise<string> {
  const server = createServer();
  const path = newPath();
  server.listen(path);
  await once(server, "listening");
  // The system removes the name that the server has listened on, and this is another one.
  const moved = newPath();
  renameSync(path, moved);
  server.close();
  await once(server, "close");
  assert.ok(lstatSync(moved).isSocket());
  return moved;
}

describe("a Unix socket", () => {
  it("serves HTTP/1.1, HTTP/2 and WebSocket, without a token", async (t) => {
    const path = newPath();
    const server = await serverOn(t, path);
    assert.deepEqual([server.url, server.port], [`unix:${path}`, 0]);
    assert.equal(await statusAt(path), 200);
    const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
    t.after(() => session.destroy());
    const [head] = await once(session.request({ ":path": "/v1/rooms" }), "response");
    assert.equal(head[":status"], 200);
    const socket = new WebSocket(`ws+unix:${path}:/chat`, { headers: { host: "localhost" } });
    await once(socket, "open");
    socket.send(JSON.stringify({ user: "ann", text: "hi" }));
    const [message] = await once(socket, "message");
    assert.match(String(message), /"text":"hi"/);
    socket.terminate();
  });

  it("speaks TLS with a certificate", async (t) => {
    const path = newPath();
    const files = await writeTlsFiles();
    t.after(() => files.remove());
    await serverOn(t, path, { tls: files });
    const options = { path, ca: testCertificate, servername: "localhost", ALPNProtocols: ["h2"] };
    const session = connectHttp2("https://localhost", { createConnection: () => connectTls(options) });
    t.after(() => session.destroy());
    const [head] = await once(session.request({ ":path": "/v1/rooms" }), "response");
    assert.equal(head[":status"], 200);
  });

  it("takes the names of this machine only, as loopback does", async (t) => {
    const path = newPath();
    await serverOn(t, path);
    assert.equal(await statusAt(path, "/v1/rooms", "evil.example"), 421);
  });

  for (const [socketMode, permissions] of [
    [undefined, 0o600],
    [0o660, 0o660],
  ] as const) {
    it(`has a file with the permissions ${permissions.toString(8)}, which a stop removes`, async (t) => {
      const path = newPath();
      const before = process.umask();
      const server = await serverOn(t, path, socketMode === undefined ? {} : { socketMode });
      assert.equal(lstatSync(path).mode & 0o777, permissions);
      assert.equal(process.umask(), before);
      await server.close();
      assert.equal(existsSync(path), false);
    });
  }

  it("that a killed server left over is replaced", async (t) => {
    const path = await leftOver();
    await serverOn(t, path);
    assert.equal(await statusAt(path), 200);
  });

  it("of a server that runs is left alone", async (t) => {
    const path = newPath();
    await serverOn(t, path);
    await assert.rejects(serverOn(t, path), { code: "EADDRINUSE" });
    assert.equal(await statusAt(path), 200);
  });

  it("does not replace another file", async (t) => {
    const path = newPath();
    writeFileSync(path, "precious");
    await assert.rejects(
      serverOn(t, path),
      (error) => error instanceof ConfigError && /not a socket/.test(error.message),
    );
    assert.equal(readFileSync(path, "utf8"), "precious");
  });

  for (const [what, path, reason] of [
    ["relative", "confab.sock", /must be absolute/],
    ["longer than the system takes", `/tmp/${"x".repeat(120)}`, /at most 10[37]/],
  ] as const) {
    it(`cannot have a path that is ${what}`, async (t) => {
      await assert.rejects(serverOn(t, path), (error) => error instanceof ConfigError && reason.test(error.message));
    });
  }

  it("has clients without an address, unless trusted peers say one", async (t) => {
    const paths = [newPath(), newPath()] as const;
    const options = { headers: { host: "localhost", "x-forwarded-for": "198.51.100.1" } };
    const addressAt = async (path: string, trustedProxies: readonly string[]) => {
      const { addressOf } = await startReportingServer(t, { host: `unix:${path}`, trustedProxies });
      return addressOf("http://localhost", { ...options, createConnection: () => connect(path) });
    };
    assert.equal(await addressAt(paths[0], ["loopback"]), "");
    assert.equal(await addressAt(paths[1], ["unix"]), "198.51.100.1");
  });

  it("is what confab serve and curl speak", async (t) => {
    const path = newPath();
    const args = ["--host", `unix:${path}`, "--data", join(folder, "cli-data")];
    const program = startProgram(process.execPath, [confab, "serve", ...args]);
    t.after(() => program.stop());
    await program.until(/Ctrl-C/);
    const curl = requirePart(t, "curl");
    if (curl === undefined) return;
    const { stdout } = await runProgram(curl, ["-s", "--unix-socket", path, "http://localhost/healthz"]);
    assert.match(stdout, /SERVING|ok/i);
  });
});
