import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { buf, protoFolder, thirdPartyFolder } from "../fixture/buf.js";
import { mustRun } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { startBrowser } from "../foreign/browser.js";
import { type FirefoxBrowser, startFirefox } from "../foreign/firefox.js";
import { bundleForPage } from "../foreign/page-bundle.js";
import { findPart, requirePart } from "../optional-parts.js";
import { type TlsFiles, writeTlsFiles } from "../tls/testing/tls-files.js";
import { converseInRoom, type StockOutcome, type StockPlan } from "./testing/stock-conversation.js";
import { page, serveTokenPages, type TokenPages } from "./testing/token-pages.js";
import { inSeconds, newTestKey } from "./testing/tokens.js";

// Clients as others make them, with their default settings, whose tokens expire every few seconds for a minute. All of them run
// at the same time.

/** At the least, of about fifteen: a busy machine makes fewer. */
const expiries = 5;
const timeoutMs = 170_000;

const key = newTestKey();
const script = fileURLToPath(new URL("../../src/stock-clients/token-client.py", import.meta.url));

let folder: string;
let tls: TlsFiles;
let pages: TokenPages;
let server: ServerProcess;
let secureServer: ServerProcess;
let chromium: Browser | undefined;
let firefox: FirefoxBrowser | undefined;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "confab-stock-"));
  tls = await writeTlsFiles();
  const puppeteer = findPart("puppeteer");
  // In tools/browsers, so that it takes the versions that are installed there.
  const clients = puppeteer && (await bundleForPage(join(dirname(puppeteer), "../../token-clients.mjs")));
  pages = await serveTokenPages(key, clients ?? "");
  await writeFile(join(folder, "index.html"), page);
  await writeFile(join(folder, "clients.js"), clients ?? "");
  const flags = { auth: { keyFiles: [key.file], clockToleranceMs: 0 }, durability: "os" } as const;
  server = await startServerProcess({ flags: { ...flags, allowedOrigins: [pages.origin], webRoot: folder } });
  const { certFile, keyFile } = tls;
  secureServer = await startServerProcess({ flags: { ...flags, tls: { certFile, keyFile } } });
  await mustRun(buf, ["build", join(protoFolder, ".."), "--path", join(protoFolder, "confab"), "-o", descriptors()]);
  if (puppeteer === undefined) return;
  const programs = { chromium: findPart("chromium"), firefox: findPart("firefox") };
  chromium = programs.chromium === undefined ? undefined : await startBrowser(programs.chromium);
  firefox = programs.firefox === undefined ? undefined : await startFirefox(programs.firefox, puppeteer);
});
after(async () => {
  await firefox?.close();
  await chromium?.close();
  await server?.stop();
  await secureServer?.stop();
  await pages?.close();
  await tls?.remove();
  await rm(folder, { recursive: true });
  key.remove();
});

const descriptors = () => join(folder, "contract.binpb");

async function converse(user: string, isSecure: boolean, run: (plan: StockPlan) => Promise<StockOutcome>) {
  const token = await key.token({ sub: "other" });
  const { url } = isSecure ? secureServer : server;
  return converseInRoom({ url, token, user, ...(isSecure && { ca: tls.cert }) }, run);
}

function assertExpiries(t: TestContext, { expired: { reads, sends } }: StockOutcome): void {
  t.diagnostic(`expired: ${reads} streams, ${sends} sends`);
  assert.ok(reads >= expiries && sends >= expiries, `expired: ${reads} streams, ${sends} sends`);
}

/** A program of another language, which takes the plan as JSON. */
async function runGrpcProgram(
  t: TestContext,
  command: readonly string[],
  user: string,
  isSecure: boolean,
): Promise<void> {
  const on = isSecure ? secureServer : server;
  const [program = "", ...args] = command;
  const outputFolder = await mkdtemp(join(folder, "generated-"));
  const outcome = await converse(user, isSecure, async ({ room, after, seconds, intervalMs, last }) => {
    const plan = {
      Address: `127.0.0.1:${on.port}`,
      Authority: isSecure ? tls.certFile : "",
      Descriptors: descriptors(),
      ProtoFolder: protoFolder,
      ThirdPartyFolder: thirdPartyFolder,
      OutputFolder: outputFolder,
      TokenURL: `${pages.origin}/token?user=${user}`,
      Room: room,
      User: user,
      After: after,
      Seconds: seconds,
      IntervalMs: intervalMs,
      Last: last,
    };
    return JSON.parse(await mustRun(program, [...args, JSON.stringify(plan)])) as StockOutcome;
  });
  assertExpiries(t, outcome);
}

/** What the pages of both drivers share. */
interface ChatPage {
  goto(url: string): Promise<unknown>;
  evaluate(script: string): Promise<unknown>;
}

async function runOnPage(chat: ChatPage, origin: string, name: string, user: string) {
  // Resolves after the page's script has run.
  await chat.goto(origin);
  return converse(user, false, async ({ after: { epoch, offset }, ...plan }) => {
    const given = JSON.stringify({ ...plan, url: server.url, after: `${epoch}:${offset}` });
    return (await chat.evaluate(`globalThis.converse(${JSON.stringify(name)}, ${given})`)) as StockOutcome;
  });
}

/** Pages of the same browser share its cookies, except in contexts of Chromium. */
async function chromiumPage(t: TestContext) {
  const missing = requirePart(t, "chromium") === undefined || requirePart(t, "puppeteer") === undefined;
  if (missing) return undefined;
  assert.ok(chromium);
  const context = await chromium.newContext();
  t.after(() => context.close());
  return context.newPage();
}

async function firefoxPage(t: TestContext) {
  const missing = requirePart(t, "firefox") === undefined || requirePart(t, "puppeteer") === undefined;
  if (missing) return undefined;
  assert.ok(firefox);
  const opened = await firefox.newPage();
  t.after(() => opened.close());
  return opened;
}

const browsers = [
  ["Chromium", chromiumPage],
  ["Firefox", firefoxPage],
] as const;

describe("a stock client whose tokens expire loses and repeats nothing", { concurrency: true }, () => {
  for (const isSecure of [false, true]) {
    const [suffix, title] = isSecure ? ["tls", "over TLS"] : ["clear", "in clear text"];

    it(`grpc-go ${title}`, { timeout: timeoutMs }, async (t) => {
      const program = requirePart(t, "go-token-client");
      if (program !== undefined) await runGrpcProgram(t, [program], `grpc-go-${suffix}`, isSecure);
    });

    it(`grpcio ${title}`, { timeout: timeoutMs }, async (t) => {
      const python = requirePart(t, "python");
      if (python !== undefined) await runGrpcProgram(t, [python, script], `grpcio-${suffix}`, isSecure);
    });
  }

  for (const [browser, newPage] of browsers) {
    for (const [index, name] of ["connect-web, Connect", "connect-web, gRPC-Web"].entries()) {
      it(`${name} in ${browser}`, { timeout: timeoutMs }, async (t) => {
        const chat = await newPage(t);
        if (!chat) return;
        assertExpiries(t, await runOnPage(chat, pages.origin, name, `${browser}-connect-web-${index}`));
      });
    }

    it(`EventSource with a cookie of its page's server in ${browser}`, { timeout: timeoutMs }, async (t) => {
      const chat = await newPage(t);
      if (!chat) return;
      const name = "EventSource, cookie of the page's server";
      assertExpiries(t, await runOnPage(chat, pages.origin, name, `${browser}-events`));
    });

    it(`WebSocket that shows the next token before the old one expires, in ${browser}`, {
      timeout: timeoutMs,
    }, async (t) => {
      const chat = await newPage(t);
      if (!chat) return;
      // It fails when it is closed.
      const { renewals = 0 } = await runOnPage(chat, pages.origin, "WebSocket, renewed", `${browser}-renewed`);
      t.diagnostic(`${renewals} renewals`);
      assert.ok(renewals >= expiries, `${renewals} renewals`);
    });

    for (const form of ["frames", "plain"]) {
      it(`WebSocket, ${form}, that is closed with 4002 and connects again, in ${browser}`, {
        timeout: timeoutMs,
      }, async (t) => {
        const chat = await newPage(t);
        if (!chat) return;
        const { closes = [] } = await runOnPage(chat, pages.origin, `WebSocket, ${form}`, `${browser}-${form}`);
        t.diagnostic(`${closes.length} connections ended`);
        assert.ok(closes.length >= expiries, `${closes.length} connections ended`);
        assert.deepEqual(new Set(closes), new Set([4002]));
      });
    }
  }

  it("EventSource with a cookie of its page, which the server gives out, in Chromium", {
    timeout: timeoutMs,
  }, async (t) => {
    const chat = await chromiumPage(t);
    if (!chat) return;
    await chat.exposeFunction("newToken", (user: string) => key.token({ sub: user, exp: inSeconds(4) }));
    assertExpiries(
      t,
      await runOnPage(chat, `${server.url}/`, "EventSource, cookie of the page", "chromium-same-origin"),
    );
  });
});
