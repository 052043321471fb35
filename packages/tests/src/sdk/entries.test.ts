import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import * as entry from "@confab/client";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

/** What bundlers take for pages, whatever Node would take by itself. */
const forBrowsers = new URL("../../../client/dist/index.js", import.meta.url).href;

describe("the entries of @confab/client in Node", { timeout: 60_000 }, () => {
  let server: ServerProcess;
  let browserEntry: typeof entry;

  before(async () => {
    server = await startServerProcess();
    browserEntry = await import(forBrowsers);
  });
  after(() => server.stop());

  // Server-side rendering imports what the page imports. Node 20 has no WebSocket: it reconnected for ever.
  it("connect where a page's module is rendered on a server", async () => {
    const client = entry.connect({ url: server.url, user: "ann" });
    client.on("state", (state) => {
      if ("error" in state) throw state.error;
    });
    const ack = await client.room(`room-${randomUUID()}`).send("hi");
    assert.match(ack.position, /:1$/);
    assert.deepEqual(client.state, { name: "live", transport: "websocket-proto" });
    client.close();
    const link = entry.openLink("websocket-json", { url: server.url }, entry.webPlatform);
    await link.open();
    link.close();
  });

  it("have the same names in Node and in browsers", () => {
    assert.notEqual(entry.connect, browserEntry.connect);
    assert.deepEqual(Object.keys(entry).sort(), Object.keys(browserEntry).sort());
  });

  it("name each other where the build for browsers lacks something", (t) => {
    const { WebSocket } = globalThis as { WebSocket?: unknown };
    Reflect.deleteProperty(globalThis, "WebSocket");
    t.after(() => {
      if (WebSocket !== undefined) Object.assign(globalThis, { WebSocket });
    });
    const isHelpful = { name: "TypeError", message: /needs WebSocket, which .* import "@confab\/client\/node"$/ };
    assert.throws(() => browserEntry.connect({ url: server.url, transport: "websocket-proto" }), isHelpful);
    assert.throws(() => browserEntry.openLink("websocket-json", { url: server.url }), isHelpful);
    const grpc = { url: server.url, transport: "grpc" } as never;
    assert.throws(() => browserEntry.connect(grpc), { name: "TypeError", message: /^transport grpc needs Node/ });
  });

  it("take what else there is by itself where there is no WebSocket", async (t) => {
    const { WebSocket } = globalThis as { WebSocket?: unknown };
    Reflect.deleteProperty(globalThis, "WebSocket");
    t.after(() => {
      if (WebSocket !== undefined) Object.assign(globalThis, { WebSocket });
    });
    const client = browserEntry.connect({ url: server.url, user: "ann" });
    await client.room(`room-${randomUUID()}`).send("hi");
    assert.deepEqual(client.state, { name: "live", transport: "sse" });
    client.close();
  });
});
