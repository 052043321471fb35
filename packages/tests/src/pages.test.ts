import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunningServer, startServer } from "@confab/server";

describe("the plain pages", () => {
  let dataDir: string;
  let server: RunningServer;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-pages-"));
    server = await startServer({ port: 0, engine: { kind: "embedded", dataDir } });
  });
  after(async () => {
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(server.url + path, init);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, never>,
    };
  };

  it("say that the process lives and is ready", async () => {
    assert.deepEqual((await get("/healthz")).body, { status: "ok" });
    const ready = await get("/readyz");
    assert.deepEqual([ready.status, ready.body], [200, { status: "ready" }]);
  });

  it("describe the REST routes as OpenAPI and the sockets as AsyncAPI, at the address that was asked", async () => {
    const { body: openApi } = await get("/openapi.json");
    assert.ok("/v1/rooms/{room}/messages" in Object(openApi["paths"]));
    const { body: asyncApi } = await get("/asyncapi.json");
    assert.equal(Object(asyncApi["servers"]).websocket.host, new URL(server.url).host);
  });

  it("take GET and HEAD, and name them to other verbs", async () => {
    const answer = await get("/healthz", { method: "POST" });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), "GET, HEAD");
    assert.equal((await fetch(`${server.url}/healthz`, { method: "HEAD" })).status, 200);
  });

  it("are refused to pages of other origins, and allowed to those on this machine", async () => {
    const foreign = await get("/healthz", { headers: { origin: "https://evil.example" } });
    assert.equal(foreign.status, 403);
    assert.equal(Object(foreign.body["error"]).code, "PERMISSION_DENIED");
    const local = await get("/healthz", { headers: { origin: "http://localhost:5173" } });
    assert.equal(local.status, 200);
    assert.equal(local.headers.get("access-control-allow-origin"), "http://localhost:5173");
  });
});
