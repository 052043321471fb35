import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";
import { startBrowser } from "./foreign/browser.js";
import { findPart, requirePart } from "./optional-parts.js";

const transports = ["websocket-proto", "websocket-json", "websocket-plain", "connect", "grpc-web", "sse"];

describe("the page at /", () => {
  let server: ServerProcess;
  let browser: Browser | undefined;

  before(async () => {
    server = await startConfabServe();
    const chromium = findPart("chromium");
    if (chromium !== undefined) browser = await startBrowser(chromium);
  });
  after(async () => {
    await browser?.close();
    await server.stop();
  });

  /** A visitor's page, once it reads its room. Anything that the page complains of is a failure of the test. */
  async function visit(search: string): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    const page = await (browser ?? assert.fail("no browser")).newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`${server.url}/${search}`);
    await page.waitForSelector('#state[data-state="live"]');
    return { page, complaints };
  }

  for (const transport of transports) {
    it(`sends and shows messages over ${transport}`, async (t) => {
      if (requirePart(t, "chromium") === undefined) return;
      const { page, complaints } = await visit(`?room=on-${transport}&transport=${transport}`);
      assert.equal(await page.inputValue("select[name=transport]"), transport);
      await page.fill("#composer input", "<b>hi</b>");
      await page.press("#composer input", "Enter");
      await page.waitForSelector("#messages li");
      assert.equal(await page.textContent("#messages .text"), "<b>hi</b>");
      assert.match((await page.textContent("#messages .place")) ?? "", /#1$/);
      assert.deepEqual(complaints, []);
    });
  }

  it("shows what was said in the room that is chosen, and goes on over another transport", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page, complaints } = await visit("?room=here");
    await page.fill("input[name=room]", "there");
    await page.press("input[name=room]", "Tab");
    await page.waitForFunction("location.search.includes('room=there')");
    await page.waitForSelector('#state[data-state="live"]');
    await page.fill("#composer input", "hello there");
    await page.press("#composer input", "Enter");
    await page.waitForSelector("#messages li");
    await page.selectOption("select[name=transport]", "sse");
    await page.waitForFunction("location.search.includes('transport=sse')");
    await page.waitForSelector("#messages li");
    assert.equal(await page.textContent("#messages .text"), "hello there");
    assert.deepEqual(complaints, []);
  });

  it("says why a message was not sent, and keeps it", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page } = await visit("?room=long");
    const text = "x".repeat(70_000);
    await page.fill("#composer input", text);
    await page.press("#composer input", "Enter");
    await page.waitForSelector("#failure:not([hidden])");
    assert.match((await page.textContent("#failure")) ?? "", /maxMessageBytes .*PAYLOAD_TOO_LARGE/);
    assert.equal(await page.inputValue("#composer input"), text);
  });
});
