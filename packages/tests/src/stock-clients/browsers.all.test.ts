import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "@confab/client/node";
import { startServerProcess } from "../fixture/server-process.js";
import { type AnyBrowser, servePages, startAnyBrowser } from "../foreign/browsers.js";
import { bundleForPage } from "../foreign/page-bundle.js";
import { requirePart } from "../optional-parts.js";
import { fillLargeRoom, largeRoom } from "./testing/large-room.js";

const clients = ["connect-web, Connect", "connect-web, gRPC-Web", "grpc-web", "EventSource"] as const;

for (const name of ["chromium", "firefox", "webkitgtk"] as const) {
  test(`stock clients in ${name} read a quiet room live, and a room of 18 MB`, async (t: TestContext) => {
    const puppeteer = requirePart(t, "puppeteer");
    const browser: AnyBrowser | undefined = puppeteer === undefined ? undefined : await startAnyBrowser(t, name);
    if (puppeteer === undefined || browser === undefined) return;
    // In tools/browsers, so that it takes the versions that are installed there.
    const script = await bundleForPage(join(dirname(puppeteer), "../../stock-clients.mjs"));
    const pages = await servePages(
      new Map([
        ["/", { type: "text/html", text: '<script type="module" src="clients.mjs"></script>' }],
        ["/clients.mjs", { type: "text/javascript", text: script }],
      ]),
    );
    t.after(() => pages.close());
    const server = await startServerProcess({ flags: { allowedOrigins: [pages.origin] } });
    t.after(() => server.stop());
    await fillLargeRoom(server.url);
    const sender = connect({ url: server.url, user: "sender" });
    t.after(() => sender.close());

    const page = await browser.newPage();
    await page.goto(pages.origin);
    await page.waitForFunction("globalThis.read");
    const call = (functionName: string, ...args: readonly unknown[]) =>
      page.evaluate(`globalThis.${functionName}(...${JSON.stringify(args)})`);

    const numbers = Array.from({ length: largeRoom.messages }, (_, index) => `${index}`);
    for (const client of clients) {
      // Firefox shows a streaming reply to the page with its first byte. A reader that asked for the position before loses nothing.
      const room = `quiet-${clients.indexOf(client)}`;
      const after = await call("newestPosition", server.url, room);
      const reading = call("read", client, server.url, room, { after }, 2);
      await sender.room(room).send("one");
      await sender.room(room).send("two");
      assert.deepEqual(await reading, ["one", "two"], `${client}, a quiet room`);
      const whole = await call("read", client, server.url, largeRoom.name, { history: 1000 }, largeRoom.messages);
      assert.deepEqual(whole, numbers, `${client}, the large room`);
    }
  });
}
