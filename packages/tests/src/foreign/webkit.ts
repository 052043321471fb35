import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../fixture/free-port.js";
import { startProgram } from "../fixture/live-program.js";
import type { FirefoxBrowser, FirefoxPage } from "./firefox.js";

/** How long a script on a page may take, in milliseconds. */
const scriptTimeoutMs = 120_000;
/** How long the driver may take to listen, and a page to have what is waited for, in milliseconds. */
const waitMs = 30_000;
const pollMs = 50;

/** A script for `execute/async`: its last argument takes the result. What is thrown comes as text. */
const scriptOf = (expression: string) => `
  const done = arguments[arguments.length - 1];
  Promise.resolve().then(() => ${expression}).then(
    (value) => done({ value }),
    (error) => done({ error: error instanceof Error ? error.name + ": " + error.message : String(error) }),
  );`;

/**
 * Start WebKitGTK's own browser with its default settings on a display without a screen, driven by W3C WebDriver, which is
 * JSON over HTTP. It has one window: a page must be closed before the next one is opened.
 *
 * @param driver what `requirePart(t, "webkitgtk")` found
 */
export async function startWebKit(driver: string): Promise<FirefoxBrowser> {
  const display = startProgram("Xvfb", ["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"]);
  const number = (await display.until(/^\d+\n/)).trim();
  const port = await freePort();
  const env = { ...process.env, DISPLAY: `:${number}` };
  const program = startProgram(driver, ["--host=127.0.0.1", `--port=${port}`], { env });
  const stop = async () => {
    await program.stop();
    await display.stop();
  };
  try {
    await untilListening(port);
    const capabilities = { alwaysMatch: { timeouts: { script: scriptTimeoutMs } } };
    const { sessionId } = (await command(port, "POST", "/session", { capabilities })) as { sessionId: string };
    const path = `/session/${sessionId}`;
    return {
      newPage: async () => pageOf(port, path),
      close: async () => {
        try {
          // The driver ends the browser, which is in a separate process group.
          await command(port, "DELETE", path);
        } finally {
          await stop();
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function pageOf(port: number, path: string): FirefoxPage {
  const goto = (url: string) => command(port, "POST", `${path}/url`, { url });
  const evaluate = async (script: string): Promise<unknown> => {
    const body = { script: scriptOf(script), args: [] };
    const answer = (await command(port, "POST", `${path}/execute/async`, body)) as { value?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`the page: ${answer.error}`);
    return answer.value;
  };
  const waitForFunction = async (script: string): Promise<unknown> => {
    const giveUpAtMs = Date.now() + waitMs;
    for (;;) {
      if ((await evaluate(`Boolean(${script})`)) === true) return true;
      if (Date.now() > giveUpAtMs) throw new Error(`the page never had ${script}`);
      await sleep(pollMs);
    }
  };
  return { goto, evaluate, waitForFunction, close: async () => void (await goto("about:blank")) };
}

/** One command of the protocol. @throws Error: the driver refused it, or it failed. */
async function command(port: number, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}

async function untilListening(port: number): Promise<void> {
  const giveUpAtMs = Date.now() + waitMs;
  for (;;) {
    try {
      await command(port, "GET", "/status");
      return;
    } catch (error) {
      // Refused: it has not opened its port yet.
      if (Date.now() > giveUpAtMs) throw error;
      await sleep(pollMs);
    }
  }
}
