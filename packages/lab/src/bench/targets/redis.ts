import { createClient } from "@redis/client";
import { freePort } from "../../cluster/redis-process.js";
import { becomesTrue } from "../load/clock.js";
import type { Role, Sandbox } from "../sandbox.js";

/** A Redis under test. */
export interface StartedRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** End it and remove what it wrote. */
  stop(): Promise<void>;
}

const startTimeoutMs = 60_000;

/**
 * Start a redis-server that appends to a file and leaves the flush to the system, as most do that keep data at all: an
 * acknowledged write survives the end of the process.
 *
 * @throws Error: it did not listen in time.
 */
export async function startRedisTarget(sandbox: Sandbox, role: Role): Promise<StartedRedis> {
  const folder = sandbox.makeFolder();
  const port = await freePort();
  const persistence = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
  const words = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, ...persistence];
  const child = sandbox.spawn(role, ["redis-server", ...words]);
  async function stop(): Promise<void> {
    await sandbox.kill(child);
    sandbox.removeFolder(folder);
  }
  let printed = "";
  child.process.stdout?.on("data", (chunk: Buffer) => {
    printed = (printed + chunk.toString("utf8")).slice(-4_000);
  });
  if (await becomesTrue(() => printed.includes("Ready to accept connections"), startTimeoutMs))
    return { url: `redis://127.0.0.1:${port}`, port, pid: child.pid, stop };
  await stop();
  throw new Error(`redis-server did not listen: ${child.lastWords() || printed}`);
}

/** Redis's memory for what is stored and all that belongs to it, without its buffers and the program itself. */
export async function redisDatasetBytes(url: string): Promise<number> {
  const client = createClient({ url });
  await client.connect();
  try {
    return Number(/^used_memory_dataset:([0-9]+)/m.exec(await client.info("memory"))?.[1]);
  } finally {
    client.destroy();
  }
}
