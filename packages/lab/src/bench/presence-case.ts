import type { BenchCase } from "./bench-case.js";
import type { Figures } from "./figures.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { confabNodeCommand } from "./targets/confab.js";
import { startRedisTarget } from "./targets/redis.js";
import { startCommand } from "./targets/start-target.js";

const timeoutMs = 400_000;
const nodeCount = 3;

/** One room with very many members over several nodes. They share the server's core: this is about Redis and not about them. */
export function presence(members: number): BenchCase {
  return {
    id: "presence",
    scenario: "presence",
    title: `Presence: ${new Intl.NumberFormat("en").format(members)} members of one room over ${nodeCount} nodes, one of which is killed`,
    rows: [{ label: "Confab", target: "confab", needsRedis: true, run: (sandbox) => runPresence(sandbox, members) }],
  };
}

async function runPresence(sandbox: Sandbox, members: number): Promise<Figures> {
  const redis = await startRedisTarget(sandbox, "server");
  const parts: { stop(): Promise<void> }[] = [redis];
  try {
    const nodes: { readonly port: number; readonly pid: number }[] = [];
    for (let count = 0; count < nodeCount; count += 1) {
      const node = await startCommand(sandbox, confabNodeCommand(redis.url));
      parts.push(node);
      nodes.push(node);
    }
    const load = { nodes, redisUrl: redis.url, members };
    const { enteredUs, ...figures } = await runLoad(sandbox, "presence", load, timeoutMs);
    return { ...figures, enteredPerSecond: members / (enteredUs / 1_000_000) };
  } finally {
    for (const part of parts.reverse()) await part.stop();
  }
}
