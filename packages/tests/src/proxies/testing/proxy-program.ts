import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../fixture/free-port.js";

/** A proxy that runs with a configuration of the test's. */
export interface ProxyProgram {
  readonly url: string;
  readonly port: number;
  /** May be called twice. */
  stop(): Promise<void>;
}

export interface ProxyFiles {
  /** The port that the proxy shall listen on. */
  readonly port: number;
  /** A folder for what the proxy writes. */
  readonly folder: string;
  /** The configuration's path. */
  readonly config: string;
}

/** What to write and to run. */
export interface ProxyPlan {
  config(files: ProxyFiles): string;
  args(files: ProxyFiles): readonly string[];
}

/** How long a proxy may take to listen, in milliseconds. */
const startTimeoutMs = 30_000;

/** Start a proxy, and resolve once it accepts connections. @throws Error with what it printed: it ended before. */
export async function startProxy(program: string, plan: ProxyPlan, scheme = "http"): Promise<ProxyProgram> {
  const folder = await mkdtemp(join(tmpdir(), "confab-proxy-"));
  // Envoy tells the format from the ending; the others take any name.
  const files = { port: await freePort(), folder, config: join(folder, "config.yaml") };
  await writeFile(files.config, plan.config(files));
  const child = spawn(program, plan.args(files), { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-10_000);
    });
  }
  const ended = once(child, "exit");
  const stop = async () => {
    // Its whole group: the program in PATH may be a script that starts the proxy proper.
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, "SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  const giveUpAtMs = Date.now() + startTimeoutMs;
  while (!(await accepts(files.port))) {
    if (child.exitCode !== null || Date.now() > giveUpAtMs) {
      await stop();
      throw new Error(`${program} does not listen:\n${printed}`);
    }
    await delay(50);
  }
  return { url: `${scheme}://127.0.0.1:${files.port}`, port: files.port, stop };
}

async function accepts(port: number): Promise<boolean> {
  const socket = dial(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Refused: the proxy has not opened its port yet, which the caller waits for.
    return false;
  } finally {
    socket.destroy();
  }
}
