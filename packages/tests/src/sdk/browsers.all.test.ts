import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import type { WebTransportName } from "@confab/client";
import { connect } from "@confab/client/node";
import { startCutProxy } from "../fixture/cut-proxy.js";
import { startServerProcess } from "../fixture/server-process.js";
import { type AnyPage, servePages, startAnyBrowser } from "../foreign/browsers.js";
import { bundledClient } from "../foreign/page-bundle.js";

const browsers = [
  ["firefox", "Firefox"],
  ["webkitgtk", "WebKitGTK"],
] as const;

// Firefox shows a streamed response to the page with the first byte of its body: in a quiet room a client that waits for the
// head does not begin to read.
const transports: readonly (WebTransportName | "auto")[] = [
  "auto",
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "sse",
];

for (const [name, title] of browsers) {
  test(`the SDK in ${title} receives every message once and in order, over every transport`, async (t: TestContext) => {
    const browser = await startAnyBrowser(t, name);
    if (!browser) return;
    const script = await readFile(new URL("../../src/sdk/pages/conversation.mjs", import.meta.url), "utf8");
    const pages = await servePages(
      new Map([
        ["/", { type: "text/html", text: '<script type="module" src="conversation.mjs"></script>' }],
        ["/conversation.mjs", { type: "text/javascript", text: script }],
        ["/client.mjs", { type: "text/javascript", text: await bundledClient() }],
      ]),
    );
    t.after(() => pages.close());
    const server = await startServerProcess({ flags: { allowedOrigins: [pages.origin] } });
    t.after(() => server.stop());
    const proxy = await startCutProxy(server.port);
    t.after(() => proxy.close());
    const other = connect({ url: server.url, user: "bob" });
    t.after(() => other.close());

    for (const transport of transports) {
      const page: AnyPage = await browser.newPage();
      await page.goto(pages.origin);
      await page.waitForFunction("globalThis.startConversation");
      const call = (name: string, ...args: readonly unknown[]): Promise<unknown> =>
        page.evaluate(`globalThis.${name}(...${JSON.stringify(args)})`);
      const room = `${name}-${randomUUID()}`;
      await call("startConversation", proxy.url, transport, room);
      // A quiet room: this is its first message, and another client sends it.
      const { id, position } = await other.room(room).send("first");
      assert.deepEqual(await call("untilHeard", 1), [[id, position]], `over ${transport}`);
      for (let round = 1; round <= 3; round++) {
        await call("say", 20);
        await call("untilHeard", 20 * round - 10);
        proxy.cut();
      }
      const acknowledged = await call("untilAcknowledged");
      assert.deepEqual(
        await call("untilHeard", 61),
        [[id, position], ...(acknowledged as [string, string][])],
        `over ${transport}`,
      );
      await call("stopConversation");
      await page.close();
    }
  });
}
