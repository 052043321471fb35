import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type ServerProcess, startConfabServe } from "./fixture/server-process.js";
import { startBrowser } from "./foreign/browser.js";
import { findPart, requirePart } from "./optional-parts.js";

const transports = ["websocket-json", "websocket-proto", "grpc-web", "connect", "sse"];

describe("the page at /lab", { timeout: 110_000 }, () => {
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

  /** A visitor's page. Anything that it complains of is a failure of the test. */
  async function visit(path: string): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    const page = await (browser ?? assert.fail("no browser")).newPage({ viewport: { width: 390, height: 800 } });
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(new URL(path, server.url).href);
    return { page, complaints };
  }

  /** Begin a comparison with two messages in each round, with the keyboard alone. */
  async function start(page: Page, text: string, rounds = 1): Promise<void> {
    const choices = { rounds: String(rounds), seconds: "1", rate: "2", text };
    for (const [name, value] of Object.entries(choices)) await page.fill(`[name=${name}]`, value);
    await page.press("[name=rounds]", "Enter");
    await page.waitForSelector("#start:text-is('Stop')");
  }

  /** What stands in a transport's row. */
  function figuresOf(page: Page, transport: string): Promise<string[]> {
    return page.locator(`tr[data-transport=${transport}] td > :first-child`).allTextContents();
  }

  async function warningsOn(page: Page): Promise<string> {
    return (await page.textContent("#warnings")) ?? "";
  }

  async function downloaded(page: Page): Promise<Record<string, unknown>> {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    return JSON.parse(await readFile(await download.path(), "utf8")) as Record<string, unknown>;
  }

  it("is found from the app", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page } = await visit("/");
    await page.click("text=Compare transports");
    await page.waitForSelector("h1:text('gRPC or WebSockets')");
    assert.equal(new URL(page.url()).pathname, "/lab");
  });

  it("compares all transports: a plot and a row of figures for each, and all of it as JSON", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page, complaints } = await visit("/lab");
    const text = "hallo, zwölf";
    await start(page, text);
    await page.waitForSelector("#state:text-is('Done.')");

    for (const transport of transports) {
      const dots = (await page.getAttribute(`svg[data-plot=${transport}] .dots`, "d")) ?? "";
      assert.equal(dots.split("M").length - 1, 2, `${transport}: ${dots}`);
      const [open, ...others] = await figuresOf(page, transport);
      assert.match(open ?? "", /^\d/, transport);
      const [bytes, latencies] = [others.slice(3), others.slice(0, 3)];
      assert.ok(bytes.length === 3 && bytes.every((figure) => Number(figure) > text.length), `${transport}: ${bytes}`);
      // A machine that is so busy that it does not keep two messages a second gets no figures, and is told so.
      const isLate = (await warningsOn(page)).includes("did not keep the rate");
      assert.ok(isLate || latencies.every((figure) => /^\d/.test(figure)), `${transport}: ${latencies}`);
    }
    assert.equal(await page.locator("svg[data-plot=bytes] rect").count(), 3 + 3 * transports.length);
    assert.match(await warningsOn(page), /fewer than four rounds/);
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 390, "wider than a phone");

    const result = await downloaded(page);
    assert.equal(result["isComplete"], true);
    assert.deepEqual(
      Object(result["transports"]).map((each: Record<string, unknown>) => each["name"]),
      transports,
    );
    assert.deepEqual(complaints, []);
  });

  it("counts the bytes that the specifications say", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page } = await visit("/lab");
    const text = "zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ".repeat(2);
    await start(page, text);
    await page.waitForSelector("#state:text-is('Done.')");
    const sent = async (transport: string) => Number((await figuresOf(page, transport))[4]);

    // ChatMessage: a tag and a length of one byte each before user, room and id; the text's length takes two.
    const textBytes = Buffer.byteLength(text);
    assert.ok(textBytes > 127 && textBytes < 1_000);
    const message = 2 + "lab".length + 3 + textBytes + 2 + "lab-0123456789abcdef".length + 2 + 32;
    assert.equal(await sent("connect"), message);
    assert.equal(await sent("grpc-web"), 5 + message);
    // ClientFrame: the request's number in two bytes, a tag and a length of two around the message; and the frame's own
    // head: two bytes, the length's two, the mask's four.
    assert.equal(await sent("websocket-proto"), 2 + 2 + 4 + (2 + 3 + message));
    const fields = { user: "lab", text, room: "lab-0123456789abcdef", id: "0".repeat(32) };
    const json = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
    assert.equal(await sent("sse"), json(fields));
    assert.equal(await sent("websocket-json"), 2 + 2 + 4 + json({ request: 2, send: fields }));
  });

  it("refuses a text that is over the server's limit, at the form, and takes a shorter one then", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page } = await visit("/lab");
    await page.fill("[name=text]", "x".repeat(100_000));
    await page.press("[name=rounds]", "Enter");
    const problem = "document.querySelector('[name=text]').validationMessage";
    assert.match(String(await page.evaluate(problem)), /100000 bytes; maxMessageBytes is 65536/);
    assert.equal(await page.textContent("#start"), "Start");
    assert.equal(await page.textContent("#state"), "");
    await start(page, "short");
    await page.waitForSelector("#state:text-is('Done.')");
  });

  it("says that all transports failed, and is not complete, when the server goes away", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const gone = await startConfabServe();
    const { page } = await visit(new URL("/lab", gone.url).href);
    await start(page, "a short comparison", 20);
    await page.waitForSelector("tr[data-transport=connect] td:last-child :text-matches('^[0-9]')");
    await gone.stop();
    await page.waitForSelector("#state:text-matches('^Ended: 5 transports failed: ')");
    assert.match(await warningsOn(page), /Not all rounds are here/);
    assert.equal((await downloaded(page))["isComplete"], false);
  });

  it("stops when told to, and keeps what it has", async (t) => {
    if (requirePart(t, "chromium") === undefined) return;
    const { page, complaints } = await visit("/lab");
    // So many that it is not done before it is stopped, however slow this machine is.
    await start(page, "stopped", 20);
    await page.waitForSelector("tr[data-transport=connect] td:last-child :text-matches('^[0-9]')");
    await page.click("#start");
    await page.waitForSelector("#state:text-is('Stopped.')");
    assert.match(await warningsOn(page), /Not all rounds are here/);
    assert.equal((await downloaded(page))["isComplete"], false);
    assert.equal(await page.inputValue("[name=text]"), "stopped");
    assert.deepEqual(complaints, []);
  });
});
