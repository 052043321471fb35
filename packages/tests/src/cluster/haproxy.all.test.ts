import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connect } from "@confab/client/node";
import { freePort } from "../fixture/free-port.js";
import { RedisServer } from "../fixture/redis-server.js";
import { startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";

const shipped = fileURLToPath(new URL("../../../../deploy/compose/haproxy.cfg", import.meta.url));

/** HAProxy with the configuration of `deploy/compose`, but for where it listens and where the nodes are. */
async function startHaproxy(t: TestContext, program: string, ports: readonly number[]): Promise<string> {
  const port = await freePort();
  const config = ports.reduce(
    (text, nodePort, index) => text.replaceAll(`node${index + 1}:8080`, `127.0.0.1:${nodePort}`),
    readFileSync(shipped, "utf8").replace("bind :8080", `bind 127.0.0.1:${port}`),
  );
  const folder = await mkdtemp(join(tmpdir(), "confab-haproxy-"));
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, config);
  const child = spawn(program, ["-db", "-f", file], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  return `http://127.0.0.1:${port}`;
}

test("behind the HAProxy that is shipped, every transport reaches the nodes, and goes on when one of them dies", async (t) => {
  const haproxy = requirePart(t, "haproxy");
  if (haproxy === undefined || requirePart(t, "redis") === undefined) return;
  const redis = await RedisServer.start();
  t.after(() => redis.stop());
  const flags = { engine: { kind: "redis", url: redis.url } } as const;
  const nodes = await Promise.all([1, 2, 3].map(() => startServerProcess({ flags })));
  t.after(() => Promise.all(nodes.map((node) => node.stop())));
  const url = await startHaproxy(
    t,
    haproxy,
    nodes.map(({ port }) => port),
  );

  const transports = [
    "grpc",
    "grpc-web",
    "connect",
    "websocket-plain",
    "websocket-json",
    "websocket-proto",
    "sse",
  ] as const;
  const clients = transports.map((transport) =>
    connect({ url, transport, user: transport, reconnect: { firstDelayMs: 50, maxDelayMs: 500 } }),
  );
  t.after(() => {
    for (const client of clients) client.close();
  });
  const rooms = clients.map((client) => client.room("haproxy"));
  const [first = assert.fail()] = rooms;
  const { newest } = await first.history();
  const readings = rooms.map((room) => room.messages({ after: newest }));
  await Promise.all(rooms.map((room) => room.send("before")));
  await nodes[0]?.kill("SIGKILL");
  await Promise.all(rooms.map((room) => room.send("after")));
  const heard = await Promise.all(
    readings.map(async (reading) => {
      const positions: string[] = [];
      for await (const { position, user, text } of reading)
        if (positions.push(`${position} ${user} ${text}`) === 2 * rooms.length) break;
      return positions;
    }),
  );
  for (const each of heard) assert.deepEqual(each, heard[0]);
});
