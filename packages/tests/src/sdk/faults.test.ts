import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client, TransportName } from "@confab/client/node";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type Conversation, quickClient, startConversation } from "./conversation.js";

const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

/** Silence that a dead connection is noticed by: short, but longer than a busy machine keeps a live one silent. */
const pingIntervalMs = 1_000;

interface Talker {
  readonly client: Client;
  readonly talk: Conversation;
}

// One client for each transport, all of one server: each fault meets all of them, and a server takes its time to start.
describe("clients over every transport", { timeout: 110_000 }, () => {
  let server: ServerProcess;
  let proxy: CutProxy;
  let dataDir: string;
  const clients = new Map<TransportName, Client>();

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-sdk-"));
    server = await startServerProcess({ dataDir, flags: { limits: { pingIntervalMs } } });
    proxy = await startCutProxy(server.port);
    const options = { url: proxy.url, user: "alice", idleCheckMs: pingIntervalMs, attemptTimeoutMs: 5_000 };
    for (const transport of transports) clients.set(transport, quickClient({ ...options, transport }));
  });
  after(async () => {
    for (const client of clients.values()) client.close();
    await proxy.close();
    await server.stop();
    await rm(dataDir, { recursive: true });
  });

  /** Do something with each client at the same time. A failure names the transport. */
  async function withEach<T, Result>(
    each: ReadonlyMap<TransportName, T>,
    run: (one: T) => Result | Promise<Result>,
  ): Promise<Map<TransportName, Result>> {
    const results = await Promise.all(
      [...each].map(async ([transport, one]) => {
        try {
          return [transport, await run(one)] as const;
        } catch (cause) {
          throw new Error(`over ${transport}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
        }
      }),
    );
    return new Map(results);
  }

  /** Every client begins to talk in a room of its own. */
  function startTalkers(): Promise<Map<TransportName, Talker>> {
    return withEach(clients, async (client) => ({ client, talk: await startConversation(client, randomUUID()) }));
  }

  const sayAll = (talkers: Map<TransportName, Talker>, count: number) =>
    withEach(talkers, ({ talk }) => talk.say(count));
  const allHeard = (talkers: Map<TransportName, Talker>, count: number) =>
    withEach(talkers, ({ talk }) => talk.untilHeard(count));
  const proveAll = (talkers: Map<TransportName, Talker>) => withEach(talkers, ({ talk }) => talk.prove());

  it("hear every message once and in order while their connections are cut", async () => {
    const talkers = await startTalkers();
    for (let round = 1; round <= 5; round++) {
      await sayAll(talkers, 40);
      // In the middle of a round: some are acknowledged and some are not, whichever they are.
      await allHeard(talkers, 40 * round - 20);
      proxy.cut();
    }
    await proveAll(talkers);
  });

  it("wait while the server cannot be reached, and go on where they were", async () => {
    const talkers = await startTalkers();
    await sayAll(talkers, 10);
    await allHeard(talkers, 10);
    proxy.refuse(true);
    const before = proxy.connections;
    proxy.cut();
    await sayAll(talkers, 10);
    const areWaiting = () => [...clients.values()].every(({ state }) => state.name === "reconnecting");
    while (!areWaiting() || proxy.connections < before + 3 * clients.size)
      await new Promise((resolve) => setImmediate(resolve));
    proxy.refuse(false);
    await proveAll(talkers);
    await withEach(clients, ({ state }) => assert.equal(state.name, "live"));
  });

  it("notice a connection that looks alive and is dead", async () => {
    const talkers = await startTalkers();
    await sayAll(talkers, 10);
    await allHeard(talkers, 10);
    proxy.stall();
    await sayAll(talkers, 10);
    await proveAll(talkers);
  });

  it("lose nothing when the server is killed and comes back", async () => {
    const talkers = await startTalkers();
    for (let round = 1; round <= 2; round++) {
      await sayAll(talkers, 40);
      await allHeard(talkers, 50 * round - 30);
      await server.kill("SIGKILL");
      await sayAll(talkers, 10);
      server = await startServerProcess({ dataDir, flags: { port: server.port, limits: { pingIntervalMs } } });
      await allHeard(talkers, 50 * round - 10);
    }
    await proveAll(talkers);
  });
});
