import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { testCertificate, testKey } from "../../testing/certificate.js";
import type { Exchange } from "../exchange.js";
import { createPort, type PortOptions } from "../port.js";
import { ignoredBody } from "../read-body.js";
import { createTlsPort } from "../tls-port.js";
import { maxUnansweredRequests } from "./pipeline.js";
import { createHttp1Server } from "./server.js";

// Requests that a client sends without waiting for the answers. One connection with 200,000 of them held 500 MB, and the
// event loop stood still for 20 s when it ended.

interface Fixture {
  readonly client: Socket;
  /** The server's end of the client's connection. */
  readonly connection: () => Socket;
  /** Requests that were handed over, in order, and are not answered yet. */
  readonly open: Exchange[];
  /** What came of bodies, by target, with "." for the end. */
  readonly bodies: Map<string, string>;
  /** What exchanges and upgrades were told, in order. */
  readonly events: string[];
  /** The targets of the answers that the client has read, in order. */
  readonly answered: () => readonly string[];
  readonly received: () => string;
  /** Answer all requests that were handed over, and each one that comes from now on. */
  readonly answerAll: () => void;
  /** The server has had time to read whatever it does not leave with the client. */
  readonly roundTrips: () => Promise<void>;
}

async function start(t: TestContext, isSecured = false): Promise<Fixture> {
  const open: Exchange[] = [];
  const bodies = new Map<string, string>();
  const events: string[] = [];
  const connections: Socket[] = [];
  let isAnswering = false;
  const http1 = createHttp1Server({
    onExchange: (exchange) => {
      const { target } = exchange.request;
      exchange.listen({
        ...ignoredBody,
        data: (chunk) => bodies.set(target, (bodies.get(target) ?? "") + Buffer.from(chunk).toString()),
        ended: () => bodies.set(target, `${bodies.get(target) ?? ""}.`),
        aborted: () => events.push(`aborted ${target}`),
      });
      if (isAnswering || target === "/other") answer(exchange);
      else open.push(exchange);
    },
    onUpgrade: (request, socket, firstBytes) => {
      events.push(`upgraded ${request.target}`);
      socket.write(`upgraded; ${Buffer.from(firstBytes).toString()}`);
      socket.pipe(socket);
    },
    maxHeaderBytes: 4_096,
    requestTimeoutMs: 30_000,
    refusalOf: ({ code, kind }) => ({ status: kind.http, json: JSON.stringify({ error: { code } }) }),
  });
  const options: PortOptions = {
    maxConnections: 10,
    prefaceTimeoutMs: 60_000,
    onHttp1: (socket) => {
      connections.push(socket);
      http1.emit("connection", socket);
    },
    onHttp2: () => assert.fail("no client speaks HTTP/2 here"),
  };
  const port = isSecured
    ? createTlsPort({
        ...options,
        keyPair: { cert: testCertificate, key: testKey },
        clearTextAnswer: new Uint8Array(0),
      }).server
    : createPort(options);
  port.listen(0, "127.0.0.1");
  await once(port, "listening");
  const { port: number } = port.address() as AddressInfo;
  const connected = async (): Promise<Socket> => {
    const socket = isSecured
      ? connectTls({ port: number, host: "127.0.0.1", ca: testCertificate })
      : connect(number, "127.0.0.1");
    socket.setEncoding("latin1").on("error", () => undefined);
    await once(socket, isSecured ? "secureConnect" : "connect");
    return socket;
  };
  const client = await connected();
  let received = "";
  client.on("data", (text: string) => {
    received += text;
  });
  t.after(async () => {
    client.destroy();
    for (const connection of connections) connection.destroy();
    await once(port.close(), "close");
  });
  return {
    client,
    open,
    bodies,
    events,
    connection: () => {
      const [first] = connections;
      assert.ok(first);
      return first;
    },
    answered: () => [...received.matchAll(/x-target: (\S+)/g)].map(([, target]) => target ?? ""),
    received: () => received,
    answerAll: () => {
      isAnswering = true;
      for (const exchange of open.splice(0)) answer(exchange);
    },
    roundTrips: async () => {
      const other = await connected();
      for (let i = 0; i < 20; i++) {
        other.write(get("/other"));
        await once(other, "data");
      }
      other.destroy();
    },
  };
}

function answer(exchange: Exchange): void {
  exchange.respond(200, { "content-length": "0", "x-target": exchange.request.target });
  exchange.end();
}

const get = (target: string, fields = "") => `GET ${target} HTTP/1.1\r\nhost: x\r\n${fields}\r\n`;

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise(setImmediate);
}

/** What Node reads at a time; see `maxUnansweredRequests`. */
const chunkBytes = 65_536;
const targetsTo = (count: number) => Array.from({ length: count }, (_, i) => `/${i}`);
/** More than are read while none is answered. */
const many = targetsTo(maxUnansweredRequests * 2);

for (const [what, isSecured] of [
  ["a connection", false],
  ["a connection with TLS", true],
] as const) {
  test(`requests on ${what} stay unread while too many are unanswered, and all are answered in their order`, async (t) => {
    const { client, connection, open, answered, received, answerAll, roundTrips } = await start(t, isSecured);
    client.write(get("/first"));
    await until(() => open.length === 1);
    const idleListeners = connection().listenerCount("resume");
    const targets = targetsTo(20_000);
    client.write(targets.map((target) => get(target)).join(""));
    await until(() => connection().isPaused() || open.length > targets.length);
    await roundTrips();
    const most = maxUnansweredRequests + Math.ceil(chunkBytes / get("/0").length);
    assert.ok(open.length <= most, `${open.length} requests were read, and none was answered; at most ${most} may be`);
    answerAll();
    await until(() => received().includes(`x-target: ${targets.at(-1)}\r\n`));
    assert.deepEqual(answered(), ["/first", ...targets]);
    assert.equal(connection().listenerCount("resume"), idleListeners);
  });
}

test("the rest of a body behind too many unanswered requests is read when one of them is answered", async (t) => {
  const { client, open, bodies, answered, answerAll, roundTrips } = await start(t);
  const targets = targetsTo(maxUnansweredRequests - 1);
  const post = "POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhe";
  client.write(targets.map((target) => get(target)).join("") + post);
  await until(() => bodies.get("/post") === "he");
  client.write(`llo${get("/last")}`);
  await roundTrips();
  assert.deepEqual([open.length, bodies.get("/post")], [maxUnansweredRequests, "he"]);
  for (const first of open.splice(0, 1)) answer(first);
  await until(() => open.some(({ request }) => request.target === "/last"));
  assert.equal(bodies.get("/post"), "hello.");
  answerAll();
  await until(() => answered().length === targets.length + 2);
  assert.deepEqual(answered(), [...targets, "/post", "/last"]);
});

test("an expectation that is not known is ignored, and its answer comes in its place", async (t) => {
  const { client, open, answered, answerAll } = await start(t);
  client.write(`${get("/first")}${get("/second", "expect: foo\r\n")}${get("/third")}`);
  await until(() => open.length === 3);
  answerAll();
  await until(() => answered().length === 3);
  assert.deepEqual(answered(), ["/first", "/second", "/third"]);
});

test("a WebSocket behind too many unanswered requests is opened when all are answered, and loses nothing", async (t) => {
  const { client, open, events, answered, received, answerAll, roundTrips } = await start(t);
  const webSocket = get("/chat", "connection: upgrade\r\nupgrade: websocket\r\n");
  client.write(`${many.map((target) => get(target)).join("")}${webSocket}first `);
  await until(() => open.length === many.length);
  client.write("second ");
  // So few are left that reading would go on.
  for (const exchange of open.splice(0, many.length - 1)) answer(exchange);
  await until(() => answered().length === many.length - 1);
  await roundTrips();
  assert.deepEqual(events, []);
  answerAll();
  client.write("third");
  await until(() => received().endsWith("upgraded; first second third"));
  assert.deepEqual([answered(), events], [many, ["upgraded /chat"]]);
});

test("an ignored upgrade behind too many unanswered requests is answered after them, and so is what follows", async (t) => {
  const { client, open, answered, answerAll } = await start(t);
  const h2c = get(
    "/h2c",
    "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
  );
  const requests = many.map((target) => get(target)).join("");
  client.write(requests + h2c + requests);
  await until(() => open.length === many.length);
  answerAll();
  await until(() => answered().length === 2 * many.length + 1);
  assert.deepEqual(answered(), [...many, "/h2c", ...many]);
});

test("requests whose client leaves while nothing is read from it are told", async (t) => {
  const { client, connection, open, events } = await start(t);
  client.write(many.map((target) => get(target)).join(""));
  await until(() => open.length === many.length);
  client.resetAndDestroy();
  const [first] = open;
  first?.respond(200, {});
  // Only writing shows that the client has gone.
  while (!connection().destroyed) {
    first?.write(Buffer.alloc(1_000));
    await new Promise(setImmediate);
  }
  await until(() => events.length === many.length);
  assert.deepEqual(
    events,
    many.map((target) => `aborted ${target}`),
  );
});
