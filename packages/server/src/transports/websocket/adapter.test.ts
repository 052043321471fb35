import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { ConfabError } from "@confab/contract";
import { WebSocket } from "ws";
import { TestClient } from "./testing/test-client.js";
import { type WebSocketTestServer, webSocketTestServer } from "./testing/websocket-test-server.js";

let server: WebSocketTestServer;
beforeEach(async () => {
  server = await webSocketTestServer({}, ({ headers }) =>
    headers["origin"] === "https://evil.example" ? new ConfabError("PERMISSION_DENIED", "not you") : undefined,
  );
});
afterEach(() => server.close());

/** The refusal of a handshake: its status and the error in its body. */
async function refusalOf(url: string, subprotocols: string[] = [], headers: Record<string, string> = {}) {
  const socket = new WebSocket(url, subprotocols, { headers });
  const [, response] = await once(socket, "unexpected-response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, code: JSON.parse(body).error.code, headers: response.headers };
}

test("the client's first subprotocol that is spoken here is chosen", async () => {
  const client = await TestClient.open(server.url, ["mqtt", "confab.v1.proto", "confab.v1.json"]);
  assert.equal(client.socket.protocol, "confab.v1.proto");
  assert.equal((await client.next()).isBinary, true);
});

test("subprotocols that are all unknown are refused before the upgrade", async () => {
  const { status, code } = await refusalOf(server.url, ["mqtt", "graphql-ws"]);
  assert.deepEqual([status, code], [400, "UNSUPPORTED_SUBPROTOCOL"]);
});

test("a request that is not let in is refused, on every form and path", async () => {
  for (const [url, subprotocols] of [
    [server.url, []],
    [server.url, ["confab.v1.json"]],
    [server.url.replace("/chat", "/elsewhere"), []],
  ] as const) {
    const { status, code } = await refusalOf(url, [...subprotocols], { origin: "https://evil.example" });
    assert.deepEqual([status, code], [403, "PERMISSION_DENIED"]);
  }
});

test("another path is refused with UNKNOWN_PATH", async () => {
  for (const path of ["/", "/chatter", "/chat/room"]) {
    const { status, code } = await refusalOf(server.url.replace("/chat", path));
    assert.deepEqual([status, code], [404, "UNKNOWN_PATH"]);
  }
});

test("a WebSocket of another version is told which one is spoken, and the connection ends", async () => {
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(
    "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  let response = "";
  socket.on("data", (chunk) => {
    response += chunk;
  });
  await once(socket, "end");
  assert.match(response, /^HTTP\/1.1 426 Upgrade Required\r\n/);
  assert.match(response, /\r\nsec-websocket-version: 13\r\n/);
  assert.match(response, /"code":"PROTOCOL_VIOLATION"/);
  // This client never ends its side; the server lets go of it all the same.
  await server.allClosed();
  socket.destroy();
});

const readers = [
  {
    form: "plain",
    open: (url: string) => TestClient.open(`${url}?room=a&history=1`),
    textsOf: (message: { text: string }) => [message.text],
  },
  {
    form: "confab.v1.json",
    open: async (url: string) => {
      const client = await TestClient.open(url, ["confab.v1.json"]);
      client.sendJson({ request: 1, subscribe: { reader: { room: "a" } } });
      await client.nextJson();
      await client.nextJson();
      return client;
    },
    textsOf: (frame: { messages: { messages: { text: string }[] } }) => frame.messages.messages.map(({ text }) => text),
  },
];
for (const { form, open, textsOf } of readers) {
  test(`a reader that does not read is set aside, then caught up from the log, and misses nothing: ${form}`, async () => {
    await server.close();
    server = await webSocketTestServer({ maxQueuedBytes: 16_384 });
    const slow = await open(server.url);
    await readUntilLive(slow, textsOf);
    slow.socket.pause();
    const count = 400;
    const text = "x".repeat(30_000);
    for (let i = 1; i <= count; i++) await server.say("a", `${i} ${text}`);
    slow.socket.resume();
    const numbers: number[] = [];
    while (numbers.length < count) {
      for (const each of textsOf(await slow.nextJson())) numbers.push(Number.parseInt(each, 10));
    }
    assert.deepEqual(
      numbers,
      Array.from({ length: count }, (_, i) => i + 1),
    );
  });
}

// biome-ignore lint/suspicious/noExplicitAny: each form has its own shape.
async function readUntilLive(client: TestClient, textsOf: (message: any) => string[]): Promise<void> {
  await server.say("a", "0");
  assert.deepEqual(textsOf(await client.nextJson()), ["0"]);
}
