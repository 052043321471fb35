import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client, TransportName } from "@confab/client/node";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient, startConversation } from "./conversation.js";

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

for (const transport of transports) {
  describe(`a client over ${transport}`, { timeout: 240_000 }, () => {
    let server: ServerProcess;
    let proxy: CutProxy;
    let client: Client;
    let dataDir: string;

    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), "confab-sdk-"));
      server = await startServerProcess({ dataDir, flags: { limits: { pingIntervalMs } } });
      proxy = await startCutProxy(server.port);
      client = quickClient({
        url: proxy.url,
        transport,
        user: "alice",
        idleCheckMs: pingIntervalMs,
        attemptTimeoutMs: 5_000,
      });
    });
    after(async () => {
      client.close();
      await proxy.close();
      await server.stop();
      await rm(dataDir, { recursive: true });
    });

    it("hears every message once and in order while its connections are cut", async () => {
      const talk = await startConversation(client, `cut-${randomUUID()}`);
      for (let round = 1; round <= 5; round++) {
        talk.say(40);
        // In the middle of a round: some are acknowledged and some are not, whichever they are.
        await talk.untilHeard(40 * round - 20);
        proxy.cut();
      }
      await talk.prove();
    });

    it("waits while the server cannot be reached, and goes on where it was", async () => {
      const talk = await startConversation(client, `refused-${randomUUID()}`);
      talk.say(10);
      await talk.untilHeard(10);
      proxy.refuse(true);
      const before = proxy.connections;
      proxy.cut();
      talk.say(10);
      while (proxy.connections < before + 3) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(client.state.name, "reconnecting");
      proxy.refuse(false);
      await talk.prove();
      assert.equal(client.state.name, "live");
    });

    it("notices a connection that looks alive and is dead", async () => {
      const talk = await startConversation(client, `stalled-${randomUUID()}`);
      talk.say(10);
      await talk.untilHeard(10);
      proxy.stall();
      talk.say(10);
      await talk.prove();
    });

    it("loses nothing when the server is killed and comes back", async () => {
      const talk = await startConversation(client, `killed-${randomUUID()}`);
      for (let round = 1; round <= 2; round++) {
        talk.say(40);
        await talk.untilHeard(40 * round - 20);
        await server.kill("SIGKILL");
        talk.say(10);
        server = await startServerProcess({ dataDir, flags: { port: server.port, limits: { pingIntervalMs } } });
        await talk.untilHeard(50 * round - 10 * (2 - round));
      }
      await talk.prove();
    });
  });
}
