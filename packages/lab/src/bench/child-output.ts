import type { RunningChild } from "./sandbox.js";

/** The address that every server under test prints once it listens, alone or within a sentence or a JSON log line. */
const listeningAddress = /https?:\/\/127\.0\.0\.1:(\d+)/;

/**
 * Wait for a server to say where it listens, and return the port. What it prints afterwards is read and dropped, or a
 * full pipe would stop it.
 *
 * @throws Error: it ended, or said nothing within `timeoutMs`.
 */
export async function portPrintedBy(child: RunningChild, timeoutMs: number): Promise<number> {
  let seen = "";
  return await settle(child, timeoutMs, "to say where it listens", (done, _fail) => {
    child.process.stdout?.on("data", (chunk: Buffer) => {
      if (seen === "listening") return;
      seen += chunk.toString("utf8");
      const port = listeningAddress.exec(seen)?.[1];
      if (port === undefined) return;
      seen = "listening";
      done(Number(port));
    });
    child.process.once("exit", () => _fail(`ended before it listened: ${child.lastWords() || seen}`));
  });
}

/**
 * Wait for a load program to end and return everything it printed.
 *
 * @throws Error: it failed, or ran longer than `timeoutMs` (whoever started it kills it).
 */
export async function outputOf(child: RunningChild, timeoutMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  return await settle(child, timeoutMs, "to end", (done, fail) => {
    child.process.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    // `close` and not `exit`: only then is its output complete.
    child.process.once("close", (code) => {
      if (code === 0) done(Buffer.concat(chunks).toString("utf8"));
      else fail(`ended with ${code}: ${child.lastWords()}`);
    });
  });
}

/** How much of a line is for a report. */
const maxLineLength = 200;

/** What a child said last of what went wrong: one line of what may be a page, empty if it said nothing. */
export function lastLineOf(child: RunningChild): string {
  const lines = child.lastWords().split("\n");
  const line = lines.find((each) => /^(?:\w*Error|FATAL ERROR)\b/.test(each)) ?? lines.at(-1) ?? "";
  return line.slice(0, maxLineLength);
}

type Wait<T> = (done: (value: T) => void, fail: (reason: string) => void) => void;

function settle<T>(child: RunningChild, timeoutMs: number, what: string, wait: Wait<T>): Promise<T> {
  const name =
    child.process.spawnargs.find((arg) => arg.endsWith(".js"))?.replace(/^.*\/dist\//, "") ?? child.process.spawnfile;
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new Error(`${name} ${reason}`));
    };
    const timer = setTimeout(() => fail(`took longer than ${timeoutMs} ms ${what}. ${child.lastWords()}`), timeoutMs);
    child.process.once("error", (error) => fail(`could not be started: ${error.message}`));
    wait((value) => {
      clearTimeout(timer);
      resolve(value);
    }, fail);
  });
}
