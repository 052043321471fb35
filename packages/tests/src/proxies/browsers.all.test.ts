import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "@confab/client/node";
import { startServerProcess } from "../fixture/server-process.js";
import { servePages, startAnyBrowser } from "../foreign/browsers.js";
import { bundledClient } from "../foreign/page-bundle.js";
import { requirePart } from "../optional-parts.js";
import { nginxDefaults } from "./testing/plans.js";
import { startProxy } from "./testing/proxy-program.js";

// The commonest deployment: nginx with nothing but `proxy_pass`, and the SDK in stock browsers.

/** Longer than nginx's read timeout of a minute, twice. */
const idleMs = 120_000;

/** A message counts as live if it arrives within this time, in milliseconds, with nothing sent after it. A proxy that holds
 *  it back would give it out after a minute. On a quiet machine it takes some tens of milliseconds, which is printed. */
const arrivalMs = 10_000;

for (const name of ["chromium", "firefox"] as const) {
  test(`${name} through nginx with nothing but proxy_pass: every HTTP transport is live, also after two idle minutes`, async (t) => {
    const nginx = requirePart(t, "nginx");
    const browser = nginx === undefined ? undefined : await startAnyBrowser(t, name);
    if (nginx === undefined || browser === undefined) return;
    const pages = await servePages(
      new Map([
        ["/", { type: "text/html", text: '<script type="module" src="reading.mjs"></script>' }],
        [
          "/reading.mjs",
          {
            type: "text/javascript",
            text: await readFile(new URL("../../src/proxies/pages/reading.mjs", import.meta.url), "utf8"),
          },
        ],
        ["/client.mjs", { type: "text/javascript", text: await bundledClient() }],
      ]),
    );
    t.after(() => pages.close());
    const server = await startServerProcess({ flags: { allowedOrigins: [pages.origin] } });
    t.after(() => server.stop());
    const proxy = await startProxy(nginx, nginxDefaults(server.port));
    t.after(() => proxy.stop());
    const direct = connect({ url: server.url, user: "sender" });
    t.after(() => direct.close());
    const room = direct.room(`browser-${randomUUID()}`);

    const page = await browser.newPage();
    await page.goto(pages.origin);
    await page.waitForFunction("globalThis.startReading");
    const call = (functionName: string, ...args: readonly unknown[]) =>
      page.evaluate(`globalThis.${functionName}(...${JSON.stringify(args)})`);

    const transports = ["sse", "connect", "grpc-web", "auto"];
    const { position: first } = await room.send("first");
    await Promise.all(transports.map((transport) => call("startReading", proxy.url, transport, room.name, first)));
    for (const [when, waitMs] of [
      ["at once", 0],
      ["after two idle minutes", idleMs],
    ] as const) {
      await delay(waitMs);
      const sentAtMs = Date.now();
      const { position } = await room.send(when);
      for (const transport of transports) {
        const arrival = await Promise.race([
          call("arrivedAtMs", transport, position),
          delay(arrivalMs, undefined, { ref: false }),
        ]);
        assert.ok(typeof arrival === "number", `${transport}, ${when}: the message did not arrive`);
        t.diagnostic(`${name}, ${transport}, ${when}: ${arrival - sentAtMs} ms`);
      }
    }
    for (const transport of transports) {
      const states = (await call("statesOf", transport)) as readonly { name: string }[];
      assert.ok(!states.some((state) => state.name === "reconnecting"), `${transport}: ${JSON.stringify(states)}`);
    }
    // nginx's defaults pass no Upgrade header: the client says what it fell back from, and why.
    const states = (await call("statesOf", "auto")) as readonly { transport?: string; fallback?: { from: string } }[];
    assert.equal(states.at(-1)?.transport, "sse");
    assert.equal(states.at(-1)?.fallback?.from, "websocket-proto");
  });
}
