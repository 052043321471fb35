import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { ConfabError, type ConnectionState, type TransportName } from "@confab/client/node";
import { quickClient } from "./conversation.js";

const transports: readonly (TransportName | "auto")[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
  "auto",
];

/** A server of something else. */
async function startStranger(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As an answer of ListRooms: a room of 60 bytes, with fields that nobody knows. */
const pageLikeProtobuf = `\n<${"x".repeat(60)}`;

const strangers: readonly { readonly name: string; readonly answer: RequestListener }[] = [
  { name: "knows no such page", answer: (_, response) => response.writeHead(404).end("<h1>Not found</h1>") },
  {
    name: "answers everything with a page",
    answer: (_, response) => response.writeHead(200, { "content-type": "text/html" }).end(pageLikeProtobuf),
  },
];

for (const transport of transports) {
  for (const { name, answer } of strangers) {
    test(`over ${transport}, a server that ${name} is said to be no Confab server`, { timeout: 20_000 }, async (t) => {
      const url = await startStranger(t, answer);
      const client = quickClient({ url, transport, user: "alice" });
      t.after(() => client.close());
      const closed = new Promise<ConnectionState>((resolve) => client.on("state", resolve));
      await assert.rejects(client.room("r").send("hi"), (error) => {
        assert.ok(error instanceof ConfabError);
        assert.equal(error.code, "PROTOCOL_VIOLATION");
        assert.match(error.message, new RegExp(`^${url} does not answer as a Confab server does`));
        return true;
      });
      assert.equal((await closed).name, "closed");
    });
  }
}

test("over auto, a proxy that lets no WebSocket through is gone around", { timeout: 20_000 }, async (t) => {
  const url = await startStranger(t, (request, response) => {
    // The smallest server that lets a client in: it has no rooms.
    if (request.url === "/confab.v1.ChatService/ListRooms")
      response.writeHead(200, { "content-type": "application/proto" }).end();
    else response.writeHead(404).end();
  });
  const client = quickClient({ url });
  t.after(() => client.close());
  const transport = await new Promise((resolve) => {
    client.on("state", (state) => state.name === "live" && resolve(state.transport));
  });
  assert.equal(transport, "connect");
});
