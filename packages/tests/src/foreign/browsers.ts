import type { TestContext } from "node:test";
import { requirePart } from "../optional-parts.js";
import { startBrowser } from "./browser.js";
import { type FirefoxPage, startFirefox } from "./firefox.js";
import { startWebKit } from "./webkit.js";

export { servePages } from "./browser.js";

/** What the pages of all drivers share. */
export type AnyPage = Pick<FirefoxPage, "goto" | "evaluate" | "waitForFunction" | "close">;

export interface AnyBrowser {
  newPage(): Promise<AnyPage>;
}

export type BrowserName = "chromium" | "firefox" | "webkitgtk";

/** Start a browser that the test ends, or skip the test where a part is missing. */
export async function startAnyBrowser(t: TestContext, name: BrowserName): Promise<AnyBrowser | undefined> {
  const program = requirePart(t, name);
  if (program === undefined) return undefined;
  const puppeteer = name === "firefox" ? requirePart(t, "puppeteer") : "";
  if (puppeteer === undefined) return undefined;
  const browser = await start(name, program, puppeteer);
  t.after(() => browser.close());
  return browser;
}

function start(name: BrowserName, program: string, puppeteer: string) {
  switch (name) {
    case "chromium":
      return startBrowser(program);
    case "firefox":
      return startFirefox(program, puppeteer);
    case "webkitgtk":
      return startWebKit(program);
  }
}
