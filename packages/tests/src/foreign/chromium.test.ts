import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, type TestContext, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startRelay } from "../fixture/relay.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { schemeOfThisRun } from "../fixture/tls-run.js";
import { findPart, requirePart } from "../optional-parts.js";
import { callPage, type PageServer, servePages, startBrowser } from "./browser.js";

// What a browser brings with it, on a page of another origin: WebSocket as the tutorial uses it, EventSource, fetch.

let server: ServerProcess | undefined;
let pages: PageServer | undefined;
let browser: Browser | undefined;

before(async () => {
  const chromium = findPart("chromium");
  if (chromium === undefined) return;
  server = await startServerProcess();
  const pageText = (name: string) => readFile(new URL(`../../src/foreign/pages/${name}`, import.meta.url), "utf8");
  const tutorial = (await pageText("tutorial.html")).replace("ws://127.0.0.1:PORT", server.url.replace("http", "ws"));
  pages = await servePages(
    new Map([
      ["/tutorial.html", { type: "text/html", text: tutorial }],
      ["/", { type: "text/html", text: '<script type="module" src="events.mjs"></script>' }],
      ["/events.mjs", { type: "text/javascript", text: await pageText("events.mjs") }],
    ]),
  );
  browser = await startBrowser(chromium);
});

after(async () => {
  await browser?.close();
  await pages?.close();
  await server?.stop();
});

type OpenPage = (path: string) => Promise<Page>;

/** A test that opens pages, skipped where there is no browser. */
function browserTest(name: string, run: (open: OpenPage, url: string) => Promise<void>): void {
  test(name, { timeout: 60_000 }, async (t: TestContext) => {
    if (requirePart(t, "chromium") === undefined) return;
    assert.ok(browser && pages && server);
    const [{ origin }, context] = [pages, await browser.newContext()];
    t.after(() => context.close());
    const open = async (path: string) => {
      const page = await context.newPage();
      await page.goto(origin + path);
      return page;
    };
    await run(open, server.url);
  });
}

browserTest("the tutorial's snippet, unchanged, chats between two tabs", async (open) => {
  const lines = (tab: Page) => tab.locator("li").allTextContents();
  const say = async (tab: Page, user: string, text: string) => {
    await callPage(tab, "send", user, text);
    await tab.waitForSelector(`li:text-is("${user}: ${text}")`);
  };
  // Who hears what they say themselves, hears the others from then on.
  const ada = await open("/tutorial.html");
  await ada.waitForFunction("ws.readyState === WebSocket.OPEN");
  await say(ada, "ada", "anybody here?");
  const bob = await open("/tutorial.html");
  await bob.waitForFunction("ws.readyState === WebSocket.OPEN");
  await say(bob, "bob", "I am");

  const counted = Array.from({ length: 20 }, (_, index) => `${index + 1}`);
  for (const text of counted) await callPage(ada, "send", "ada", text);
  await bob.waitForSelector('li:text-is("ada: 20")');
  await say(bob, "bob", "well counted");
  await ada.waitForSelector('li:text-is("bob: well counted")');

  const both = ["bob: I am", ...counted.map((text) => `ada: ${text}`), "bob: well counted"];
  assert.deepEqual(await lines(ada), ["ada: anybody here?", ...both]);
  assert.deepEqual(await lines(bob), both);
});

browserTest("fetch calls Connect in JSON from a page of another origin", async (open, url) => {
  const page = await open("/");
  const call = (method: string, request: object) =>
    callPage<{ status: number; json: Record<string, unknown> }>(page, "callConnect", url, method, request);
  const sent = await call("SendMessage", { user: "ada", room: "fetched", text: "hello" });
  assert.equal(sent.status, 200);
  const refused = await call("SendMessage", { user: "", text: "who am I" });
  assert.deepEqual([refused.status, refused.json["code"]], [400, "invalid_argument"]);
});

browserTest("EventSource hears a room, and resumes by itself where it was cut off", async (open, url) => {
  const page = await open("/");
  const send = (text: string) =>
    callPage(page, "callConnect", url, "SendMessage", { user: "ada", room: "events", text });
  const relay = await startRelay(Number(new URL(url).port));
  try {
    await send("before");
    await callPage(
      page,
      "openEvents",
      `${schemeOfThisRun()}://127.0.0.1:${relay.port}/v1/rooms/events/stream?history=1`,
    );
    assert.deepEqual(await callPage(page, "nextTexts", 1), ["before"]);
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    for (const text of texts) await send(text);
    assert.deepEqual(await callPage(page, "nextTexts", texts.length), texts);

    relay.cut();
    const missed = ["missed one", "missed two"];
    for (const text of missed) await send(text);
    assert.deepEqual(await callPage(page, "nextTexts", missed.length), missed);
    await send("after");
    assert.deepEqual(await callPage(page, "nextTexts", 1), ["after"]);
  } finally {
    await relay.close();
  }
});

browserTest("EventSource whose position is gone is told so, and does not come back for ever", async (open, url) => {
  const page = await open("/");
  const statuses: number[] = [];
  page.on("response", (response) => statuses.push(response.status()));
  const told = await callPage<string[]>(page, "endOfEvents", `${url}/v1/rooms/events/stream?after=1:99`);
  // The event, the end of its stream, and the end of the second attempt, which is answered with 204.
  assert.deepEqual(told, ["OUT_OF_RANGE", "lost", "lost"]);
  assert.deepEqual(statuses, [200, 204]);
});
