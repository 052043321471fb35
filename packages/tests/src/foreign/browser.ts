import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { tlsOfThisRun } from "../fixture/tls-run.js";

/** A file that a page's server gives out. */
export interface PageFile {
  readonly type: "text/html" | "text/javascript";
  readonly text: string;
}

export interface PageServer {
  /** `http://127.0.0.1:port`: another origin than any Confab server's. */
  readonly origin: string;
  close(): Promise<void>;
}

/** No sandbox: tests also run as root, where Chromium has none. The rest keeps it from calling home. */
const chromiumArgs = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Start a headless Chromium; `executablePath` is what `requirePart` found. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: [...chromiumArgs, ...trustArgs()] });
}

/** Trust this run's certificate, by its key; Chromium's list of authorities is not the tests' to change. */
function trustArgs(): readonly string[] {
  const tls = tlsOfThisRun();
  if (!tls) return [];
  const key = new X509Certificate(readFileSync(tls.certFile)).publicKey.export({ type: "spki", format: "der" });
  return [`--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`];
}

/** Serve pages from an origin of their own, by path. */
export async function servePages(files: ReadonlyMap<string, PageFile>): Promise<PageServer> {
  const server = createServer(({ url = "/" }, response) => {
    const file = files.get(url.split("?", 1)[0] ?? "/");
    if (file) response.writeHead(200, { "content-type": `${file.type}; charset=utf-8` }).end(file.text);
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Call a function that a page's script has put on `globalThis`, with values that travel as JSON, and await its result.
 *
 * @throws Error: it threw, or its promise was rejected.
 */
export async function callPage<Result>(page: Page, name: string, ...args: readonly unknown[]): Promise<Result> {
  return (await page.evaluate(`globalThis.${name}(...${JSON.stringify(args)})`)) as Result;
}
