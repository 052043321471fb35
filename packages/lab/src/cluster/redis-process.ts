import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RedisProcess {
  /** `redis://127.0.0.1:port`. */
  readonly url: string;
  readonly pid: number;
  /** End it in order, so that it writes what it holds, and remove a temporary folder. May be called twice. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** Undefined: a temporary folder. */
  readonly dataDir?: string | undefined;
  /** Further words of its command line, such as `--appendonly yes`. */
  readonly args?: readonly string[];
}

/** How long it may take to load its data and listen, and later to save it and end, in milliseconds. */
const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;

/**
 * Start a redis-server on a free port of the loopback.
 *
 * @throws Error: there is none on this machine, or it ended with a complaint.
 */
export async function startRedis({ dataDir, args = [] }: RedisOptions = {}): Promise<RedisProcess> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "confab-redis-"));
  const port = await freePort();
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--daemonize", "no", ...args];
  // A group of its own: Ctrl-C on the terminal is for whoever started it, who ends it when the nodes are gone.
  const child = spawn("redis-server", words, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const stop = async (): Promise<void> => {
    await end(child);
    if (dataDir === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await ready(child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid ?? 0, stop };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = "";
    const timer = setTimeout(() => reject(new Error(`redis-server does not listen: ${printed}`)), startTimeoutMs);
    const settle = (result: () => void) => {
      clearTimeout(timer);
      result();
    };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      // Kept short: it is a log that goes on as long as the server does.
      printed = (printed + text).slice(-4_000);
      if (text.includes("Ready to accept connections")) settle(resolve);
    });
    child.stderr?.resume();
    child.once("error", (error: NodeJS.ErrnoException) => {
      const missing = "there is no redis-server on this machine: apt-get install redis-server";
      settle(() => reject(error.code === "ENOENT" ? new Error(missing, { cause: error }) : error));
    });
    child.once("exit", (code) => settle(() => reject(new Error(`redis-server ended with ${code}: ${printed}`))));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const giveUp = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(giveUp);
}

/** A port that was free a moment ago: redis-server cannot be asked to choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no TCP port is free");
  return address.port;
}
