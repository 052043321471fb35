import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Client, type ConnectionState, connect, type TransportName } from "@confab/client/node";
import { ConfabError } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { Administrator } from "./testing/administrator.js";

// What the SDK does about a connection that an operator ends.

const transports: readonly TransportName[] = [
  "websocket-json",
  "websocket-proto",
  "websocket-plain",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

let server: ServerProcess;
let admin: Administrator;
before(async () => {
  server = await startServerProcess({ flags: { durability: "os" } });
  const token = readFileSync(join(server.dataDir, "admin-token"), "utf8").trim();
  admin = new Administrator(server.url, { authorization: `Bearer ${token}` });
});
after(async () => {
  // Those of tests that failed, too.
  for (const client of clients) client.close();
  await server.stop();
});

const clients: Client[] = [];

function connected(options: Parameters<typeof connect>[0]): Client {
  const client = connect(options);
  clients.push(client);
  return client;
}

/** A client that reads a room, from when the server shows it. */
async function reader(transport: TransportName, user: string) {
  const client = connected({ url: server.url, transport, user, reconnect: { firstDelayMs: 10 } });
  const states: ConnectionState[] = [];
  client.on("state", (state) => states.push(state));
  const texts: string[] = [];
  const subscription = client.room(user).subscribe(({ text }) => void texts.push(text));
  await admin.untilReading(user, 1);
  return { client, states, texts, subscription };
}

async function until(isSo: () => boolean): Promise<void> {
  const endMs = Date.now() + 30_000;
  while (!isSo()) {
    assert.ok(Date.now() < endMs, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("a client that an operator ends", { concurrency: true, timeout: 60_000 }, () => {
  for (const transport of transports) {
    it(`stays away on ${transport}, and says why`, async () => {
      const user = `away-${transport}`;
      const { client, states, subscription } = await reader(transport, user);
      assert.deepEqual(await admin.disconnect({ user, reason: "you are fired" }), { connections: 1 });
      const ended = await subscription.ended;
      assert.ok(ended instanceof ConfabError);
      assert.equal(ended.code, "DISCONNECTED");
      // Of a WebSocket with frames it is the close frame's reason, which begins with the code.
      assert.match(ended.message, /^(DISCONNECTED: )?you are fired$/);
      await until(() => client.state.name === "closed");
      assert.deepEqual(
        states.map(({ name }) => name),
        ["live", "closed"],
      );
      await assert.rejects(client.room(user).send("hi"), { code: "DISCONNECTED" });
      await admin.untilReading(user, 0);
    });

    it(`comes back on ${transport} where it may, and reads on without a hole`, async () => {
      const user = `back-${transport}`;
      const { client, states, texts } = await reader(transport, user);
      await client.room(user).send("1");
      await until(() => texts.length === 1);
      assert.deepEqual(await admin.disconnect({ user, mayReturn: true }), { connections: 1 });
      const other = connected({ url: server.url, user: "other" });
      await other.room(user).send("2");
      await until(() => texts.length === 2);
      await admin.untilReading(user, 1);
      await other.room(user).send("3");
      await until(() => texts.length === 3);
      assert.deepEqual(texts, ["1", "2", "3"]);
      const [, lost] = states;
      assert.ok(lost?.name === "reconnecting");
      assert.equal(lost.error.code, "RECONNECT");
      assert.equal(client.state.name, "live");
    });
  }
});
