import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/** A page of Firefox, as far as tests need one. */
export interface FirefoxPage {
  goto(url: string): Promise<unknown>;
  evaluate(script: string): Promise<unknown>;
  waitForFunction(script: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface FirefoxBrowser {
  newPage(): Promise<FirefoxPage>;
  close(): Promise<void>;
}

/** What is used of puppeteer-core, which is installed in a separate folder (tools/browsers). */
interface Puppeteer {
  launch(options: Readonly<Record<string, unknown>>): Promise<FirefoxBrowser>;
}

/** How long one command to Firefox may take, in milliseconds. Some tests wait two minutes on a page. */
const commandTimeoutMs = 300_000;

/**
 * Start a headless Firefox with its default settings, driven by WebDriver BiDi.
 *
 * @param executablePath what `requirePart(t, "firefox")` found
 * @param packageFile what `requirePart(t, "puppeteer")` found
 */
export async function startFirefox(executablePath: string, packageFile: string): Promise<FirefoxBrowser> {
  const { exports } = JSON.parse(readFileSync(packageFile, "utf8")) as { exports: { ".": { import: string } } };
  const module = join(dirname(packageFile), exports["."].import);
  const { default: puppeteer } = (await import(pathToFileURL(module).href)) as { default: Puppeteer };
  return puppeteer.launch({ browser: "firefox", executablePath, headless: true, protocolTimeout: commandTimeoutMs });
}
