import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ChatMessage, connect } from "@confab/client/node";
import { runProgram } from "../fixture/run-program.js";
import { requirePart } from "../optional-parts.js";

const main = fileURLToPath(new URL("../../../lab/dist/cluster/main.js", import.meta.url));

/** `npm run cluster` in a process of its own, once it is up. */
async function startCluster(t: TestContext) {
  const child = spawn(process.execPath, [main, "--port", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "close").then(([code]) => code as number | null);
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  let printed = "";
  for await (const line of createInterface(child.stdout)) {
    printed += `${line}\n`;
    if (line.includes("Ctrl-C")) break;
  }
  const url = /^balancer +(\S+)/m.exec(printed)?.[1];
  assert.ok(url !== undefined, complaints);
  const processes = [...printed.matchAll(/\(process (\d+)\)/g)].map((match) => Number(match[1]));
  return { child, ended, url, processes };
}

test("three nodes and a Redis by one command: a room is one on all of them, and a node may die", async (t) => {
  if (requirePart(t, "redis") === undefined) return;
  const { child, ended, url, processes } = await startCluster(t);
  const [redis = 0, ...nodes] = processes;
  assert.equal(nodes.length, 3);

  // One connection each, so that the balancer spreads them over the nodes.
  const clients = (["grpc", "websocket-proto", "connect", "sse", "websocket-plain", "grpc-web"] as const).map(
    (transport) => connect({ url, transport, user: transport, reconnect: { firstDelayMs: 50, maxDelayMs: 500 } }),
  );
  t.after(() => {
    for (const client of clients) client.close();
  });
  const { newest } = await (clients[0] ?? assert.fail()).room("cluster").history();
  const readings = clients.map((client) => client.room("cluster").messages({ after: newest }));
  const say = async (text: string) => {
    await Promise.all(clients.map((client) => client.room("cluster").send(text)));
  };
  await say("before");
  process.kill(nodes[0] ?? 0, "SIGKILL");
  await say("after");
  const heard = await Promise.all(readings.map((reading) => take(reading, 2 * clients.length)));
  for (const each of heard) assert.deepEqual(each, heard[0]);

  child.kill("SIGINT");
  assert.equal(await ended, 0);
  for (const pid of [redis, ...nodes]) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

test("the command explains itself, and refuses options that it does not know", async () => {
  const help = await runProgram(process.execPath, [main, "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--nodes N/);
  const wrong = await runProgram(process.execPath, [main, "--nodes", "many"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--nodes many: must be a whole number from 1 to 64/);
});

async function take(messages: AsyncIterable<ChatMessage>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const { user, text, position } of messages) {
    taken.push(`${position} ${user}: ${text}`);
    if (taken.length === count) break;
  }
  return taken;
}
