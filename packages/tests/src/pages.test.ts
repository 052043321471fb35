import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { get, type OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";

/** A request whose Host is the test's own to choose, and whose body comes as it was sent. */
function rawGet(port: number, path: string, headers: OutgoingHttpHeaders) {
  return new Promise<{ readonly encoding: string | undefined; readonly body: Buffer }>((resolve, reject) => {
    get({ port, host: "127.0.0.1", path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        resolve({ encoding: response.headers["content-encoding"], body: Buffer.concat(chunks) });
      });
    }).on("error", reject);
  });
}

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

  const getJson = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(server.url + path, init);
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as Record<string, never>,
    };
  };

  it("say that the process lives and is ready", async () => {
    assert.deepEqual((await getJson("/healthz")).body, { status: "ok" });
    const ready = await getJson("/readyz");
    assert.deepEqual([ready.status, ready.body], [200, { status: "ready" }]);
  });

  it("describe the REST routes as OpenAPI and the sockets as AsyncAPI", async () => {
    const { body: openApi } = await getJson("/openapi.json");
    assert.ok("/v1/rooms/{room}/messages" in Object(openApi["paths"]));
    const { body: asyncApi } = await getJson("/asyncapi.json");
    assert.equal(Object(asyncApi["servers"]).websocket.host, "{host}");
  });

  it("are the same documents for every caller, plain or compressed", async () => {
    for (const path of ["/openapi.json", "/asyncapi.json", "/confab.proto", "/descriptor.binpb"]) {
      const plain = await rawGet(server.port, path, { host: "127.0.0.1", "accept-encoding": "identity" });
      const packed = await rawGet(server.port, path, { host: `localhost:${server.port}`, "accept-encoding": "gzip" });
      assert.deepEqual([plain.encoding, packed.encoding], [undefined, "gzip"], path);
      assert.ok(gunzipSync(packed.body).equals(plain.body), path);
    }
  });

  it("take GET and HEAD, and name them to other verbs", async () => {
    const answer = await getJson("/healthz", { method: "POST" });
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.get("allow"), "GET, HEAD");
    assert.equal((await fetch(`${server.url}/healthz`, { method: "HEAD" })).status, 200);
  });

  it("are refused to pages of other origins, and allowed to those on this machine", async () => {
    const foreign = await getJson("/healthz", { headers: { origin: "https://evil.example" } });
    assert.equal(foreign.status, 403);
    assert.equal(Object(foreign.body["error"]).code, "PERMISSION_DENIED");
    const local = await getJson("/healthz", { headers: { origin: "http://localhost:5173" } });
    assert.equal(local.status, 200);
    assert.equal(local.headers.get("access-control-allow-origin"), "http://localhost:5173");
  });
});
