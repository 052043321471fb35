import type { TestContext } from "node:test";
import { requirePart } from "../optional-parts.js";
import { startBrowser } from "./browser.js";
import { type FirefoxPage, startFirefox } from "./firefox.js";

export { servePages } from "./browser.js";

/** What the pages of Chromium's and of Firefox's driver share. */
export type AnyPage = Pick<FirefoxPage, "goto" | "evaluate" | "waitForFunction" | "close">;

export interface AnyBrowser {
  newPage(): Promise<AnyPage>;
}

/** Start a browser that the test ends, or skip the test where a part is missing. */
export async function startAnyBrowser(t: TestContext, name: "chromium" | "firefox"): Promise<AnyBrowser | undefined> {
  const program = requirePart(t, name);
  if (program === undefined) return undefined;
  const puppeteer = name === "firefox" ? requirePart(t, "puppeteer") : "";
  if (puppeteer === undefined) return undefined;
  const browser = name === "firefox" ? await startFirefox(program, puppeteer) : await startBrowser(program);
  t.after(() => browser.close());
  return browser;
}
