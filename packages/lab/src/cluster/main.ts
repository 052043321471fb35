/** `npm run cluster`: several nodes on one Redis behind a plain balancer, on this machine. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { answerOptions } from "../answer-options.js";
import { Balancer } from "./balancer.js";
import { NodeProcess } from "./node-process.js";
import { type ClusterOptions, parseOptions, usage } from "./options.js";
import { startRedis } from "./redis-process.js";

const exitCodes = { ok: 0, failed: 1 } as const;

/** The built command, seen from `packages/lab/dist/cluster/`. */
const command = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

process.exitCode = await answerOptions(parseOptions(process.argv.slice(2)), usage, run);

async function run(options: ClusterOptions): Promise<number> {
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
  });
  /** What was started, to be ended in the opposite order. */
  const started: { stop(): unknown }[] = [];
  try {
    await start(options, started);
    await interrupted;
    say("stopping");
    return exitCodes.ok;
  } catch (error) {
    process.stderr.write(`cluster: ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodes.failed;
  } finally {
    for (const part of started.reverse()) await part.stop();
  }
}

async function start(options: ClusterOptions, started: { stop(): unknown }[]): Promise<void> {
  if (!existsSync(command)) throw new Error(`Confab is not built: there is no ${command}`);
  let { redisUrl } = options;
  if (redisUrl === undefined) {
    // What Redis has said is stored survives its own crash, and all but the last second a crash of the machine.
    const persistence = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""];
    const redis = await startRedis({ dataDir: options.dataDir, args: persistence });
    started.push(redis);
    redisUrl = redis.url;
    say(`Redis       ${redis.url}   (process ${redis.pid})`);
  }
  const nodeCommand = [process.execPath, command, "serve", "--port", "0", ...options.serveArgs];
  // Not among the arguments, which all users of the machine can read: it may hold a password.
  const env = { ...process.env, CONFAB_ENGINE: redisUrl, CONFAB_ENGINE_FILE: undefined };
  const nodes = Array.from(
    { length: options.nodes },
    (_, index) => new NodeProcess({ name: `node ${index + 1}`, command: nodeCommand, env, say: warn }),
  );
  started.push({ stop: () => Promise.all(nodes.map((node) => node.stop())) });
  await Promise.all(nodes.map((node) => node.start()));
  nodes.forEach((node, index) => {
    say(`node ${index + 1}      http://127.0.0.1:${node.port}   (process ${node.pid})`);
  });
  const balancer = new Balancer(nodes);
  const port = await balancer.listen(options.port);
  started.push({ stop: () => balancer.close() });
  const url = `http://127.0.0.1:${port}`;
  const flag = port === 8080 ? "" : ` --url ${url}`;
  say(`balancer    ${url}   the page, and every transport, on whichever node is least busy`);
  say("");
  say(`  npx confab listen lobby${flag}`);
  say(`  echo hi | npx confab send lobby${flag}`);
  say(`  kill -9 ${nodes[0]?.pid}     a node dies: the page goes on at another one, and listen says where to go on`);
  say("");
  say("Ctrl-C stops it.");
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function warn(line: string): void {
  process.stderr.write(`${line}\n`);
}
