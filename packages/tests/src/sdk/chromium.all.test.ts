import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { WebTransportName } from "@confab/client";
import type { Browser, Page } from "playwright-core";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { callPage, type PageServer, servePages, startBrowser } from "../foreign/browser.js";
import { bundledClient } from "../foreign/page-bundle.js";
import { findPart, requirePart } from "../optional-parts.js";

const transports: readonly (WebTransportName | "auto")[] = [
  "auto",
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "sse",
];

describe("the SDK in Chromium", { timeout: 120_000 }, () => {
  let dataDir: string;
  let server: ServerProcess;
  let proxy: CutProxy;
  let pages: PageServer | undefined;
  let browser: Browser | undefined;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-sdk-"));
    server = await startServerProcess({ dataDir });
    proxy = await startCutProxy(server.port);
    const chromium = findPart("chromium");
    if (chromium === undefined) return;
    const script = await readFile(new URL("../../src/sdk/pages/conversation.mjs", import.meta.url), "utf8");
    pages = await servePages(
      new Map([
        ["/", { type: "text/html", text: '<script type="module" src="conversation.mjs"></script>' }],
        ["/conversation.mjs", { type: "text/javascript", text: script }],
        ["/client.mjs", { type: "text/javascript", text: await bundledClient() }],
      ]),
    );
    browser = await startBrowser(chromium);
  });
  after(async () => {
    await browser?.close();
    await pages?.close();
    await proxy.close();
    await server.stop();
    await rm(dataDir, { recursive: true });
  });

  /** A page that talks in its own room. A rejected promise without a handler is a failure of the test. */
  async function visit(transport: string): Promise<{ readonly page: Page; readonly uncaught: string[] }> {
    assert.ok(browser && pages);
    const page = await browser.newPage();
    const uncaught: string[] = [];
    page.on("pageerror", (error) => uncaught.push(error.message));
    await page.goto(pages.origin);
    await page.waitForFunction("globalThis.startConversation");
    await callPage(page, "startConversation", proxy.url, transport, `room-${randomUUID()}`);
    return { page, uncaught };
  }

  async function prove(page: Page, count: number): Promise<void> {
    const acknowledged = await callPage<[string, string][]>(page, "untilAcknowledged");
    assert.deepEqual(await callPage(page, "untilHeard", count), acknowledged);
    assert.deepEqual(
      acknowledged.map(([id, position]) => [id, position.split(":")[1]]),
      Array.from({ length: count }, (_, index) => [`id-${index}`, `${index + 1}`]),
    );
    await callPage(page, "stopConversation");
    await page.close();
  }

  for (const transport of transports) {
    it(`over ${transport} receives every message once and in order while its connections are cut`, async (t) => {
      if (requirePart(t, "chromium") === undefined) return;
      const { page, uncaught } = await visit(transport);
      for (let round = 1; round <= 3; round++) {
        await callPage(page, "say", 20);
        await callPage(page, "untilHeard", 20 * round - 10);
        proxy.cut();
      }
      await prove(page, 60);
      assert.deepEqual(uncaught, []);
    });

    it(`over ${transport} loses nothing when the server is killed and comes back`, async (t) => {
      if (requirePart(t, "chromium") === undefined) return;
      const { page, uncaught } = await visit(transport);
      await callPage(page, "say", 20);
      await callPage(page, "untilHeard", 10);
      await server.kill("SIGKILL");
      await callPage(page, "say", 10);
      server = await startServerProcess({ dataDir, flags: { port: server.port } });
      await prove(page, 30);
      assert.deepEqual(uncaught, []);
    });
  }
});
