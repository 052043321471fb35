import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { type Http1TestServer, http1TestServer } from "../../testing/http1-test-server.js";
import type { Exchange } from "../exchange.js";
import { ignoredBody } from "../read-body.js";

// Requests that come before earlier ones on their connection are answered, and requests that ask for another protocol.

let server: Http1TestServer;
let client: Socket;
let received: string;
/** Answers under way, by target. */
let open: Map<string, Exchange>;
/** What the listeners of exchanges and upgrades were told, in order. */
let events: string[];

beforeEach(async () => {
  received = "";
  open = new Map();
  events = [];
  server = await http1TestServer(
    (exchange) => {
      const { target } = exchange.request;
      exchange.listen({ ...ignoredBody, aborted: () => events.push(`aborted ${target}`) });
      if (target.startsWith("/open")) {
        open.set(target, exchange);
        return;
      }
      exchange.respond(200, { "content-length": "0", "x-target": target });
      exchange.end();
    },
    {
      onUpgrade: (request, socket) => {
        events.push(`upgraded ${request.target}`);
        socket.end("upgraded");
      },
    },
  );
  client = connect(server.port, "127.0.0.1");
  client.setEncoding("latin1").on("data", (text: string) => {
    received += text;
  });
  client.on("error", () => undefined);
});

afterEach(async () => {
  client.destroy();
  await server.close();
});

const get = (target: string, fields = "") => `GET ${target} HTTP/1.1\r\nhost: x\r\n${fields}\r\n`;
const h2c = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n";
const webSocket = "connection: upgrade\r\nupgrade: websocket\r\n";

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

const answered = () => [...received.matchAll(/x-target: (\S+)/g)].map(([, target]) => target);

function connection(): Socket {
  const [socket] = server.sockets;
  assert.ok(socket);
  return socket;
}

function listenerCounts(): Readonly<Record<string, number>> {
  return Object.fromEntries(
    connection()
      .eventNames()
      .map((event) => [String(event), connection().listenerCount(event)]),
  );
}

// Node tells only the response that has the socket: a stream behind another stayed subscribed for ever.
test("exchanges whose answers wait behind another are told when their connection ends", async () => {
  client.write(["/open/1", "/open/2", "/open/3"].map((target) => get(target)).join(""));
  await until(() => open.size === 3);
  for (const exchange of open.values()) exchange.respond(200, {});
  client.destroy();
  await once(connection(), "close");
  await until(() => events.length === 3);
  assert.deepEqual(events.sort(), ["aborted /open/1", "aborted /open/2", "aborted /open/3"]);
});

test("exchanges that had waited their turn leave nothing on the connection", async () => {
  client.write(get("/first"));
  await until(() => answered().length === 1);
  const before = listenerCounts();
  client.write(["/open/1", "/a", "/b"].map((target) => get(target)).join(""));
  await until(() => open.size === 1);
  open.get("/open/1")?.respond(200, { "content-length": "0", "x-target": "/open/1" });
  open.get("/open/1")?.end();
  await until(() => answered().length === 4);
  assert.deepEqual(answered(), ["/first", "/open/1", "/a", "/b"]);
  assert.deepEqual(listenerCounts(), before);
  assert.deepEqual(events, []);
});

for (const [what, fields] of [
  ["h2c", h2c],
  ["an unknown protocol", "connection: upgrade\r\nupgrade: teapot/1\r\n"],
] as const) {
  test(`upgrades to ${what} are ignored, any number of times on one connection, pipelined or not`, async () => {
    client.write(get("/first", fields));
    await until(() => answered().length === 1);
    const before = listenerCounts();
    const targets = Array.from({ length: 500 }, (_, i) => `/${i}`);
    client.write(targets.map((target) => get(target, fields)).join(""));
    await until(() => answered().length === 501);
    assert.deepEqual(answered(), ["/first", ...targets]);
    assert.deepEqual(listenerCounts(), before);
  });
}

test("an ignored upgrade to h2c keeps the other connection options", async () => {
  const closed = once(client, "close");
  client.write(get("/only", "connection: close, Upgrade\r\nupgrade: h2c\r\n"));
  await closed;
  assert.deepEqual(answered(), ["/only"]);
  assert.match(received, /^connection: close\r$/im);
});

test("an ignored upgrade to h2c is answered after the answers under way", async () => {
  client.write(get("/open/1") + get("/2", h2c) + get("/3"));
  await until(() => open.size === 1);
  open.get("/open/1")?.respond(200, { "content-length": "0", "x-target": "/open/1" });
  open.get("/open/1")?.end();
  await until(() => answered().length === 3);
  assert.deepEqual(answered(), ["/open/1", "/2", "/3"]);
});

test("a WebSocket is opened when the answers before it have ended", async () => {
  client.write(get("/open/1") + get("/chat", webSocket));
  await until(() => open.size === 1);
  open.get("/open/1")?.respond(200, { "content-length": "0", "x-target": "/open/1" });
  assert.deepEqual(events, []);
  open.get("/open/1")?.end();
  await until(() => received.endsWith("upgraded"));
  assert.deepEqual([answered(), events], [["/open/1"], ["upgraded /chat"]]);
});

test("a WebSocket whose client leaves before its turn is never opened", async () => {
  client.write(get("/open/1") + get("/chat", webSocket));
  await until(() => open.size === 1);
  open.get("/open/1")?.respond(200, {});
  await until(() => received.includes("200 OK"));
  client.resetAndDestroy();
  // Nothing reads from the socket before the WebSocket's turn, so that writing shows that the client has gone.
  while (!connection().destroyed) {
    open.get("/open/1")?.write(Buffer.alloc(1_000));
    await new Promise(setImmediate);
  }
  await until(() => events.length > 0 && connection().closed);
  assert.deepEqual(events, ["aborted /open/1"]);
});
