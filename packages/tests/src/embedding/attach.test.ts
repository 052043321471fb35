import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import { type AddressInfo, connect as connectSocket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { connect, type NodeConnectOptions, type TransportName } from "@confab/client/node";
import { type ConfabOptions, ConfigError } from "@confab/server";
import { testCertificate, testKey } from "@confab/server/testing/certificate";
import { WebSocket } from "ws";
import { until } from "../fixture/redis-cluster.js";
import { confabFor, hostFor, secretFor } from "./testing.js";

const webSocketFields =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n";
const h2cFields = "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n";

/** What HTTP/1.1 carries. */
const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "sse",
];

const isConfig = (text: RegExp) => (error: unknown) => error instanceof ConfigError && text.test(error.message);

/** The host's session says who a caller is. */
const ofSessions: ConfabOptions = {
  allowAnyone: true,
  hooks: {
    connect: ({ headers }) => {
      const isAnn = /session=s-17\b/.test(headers["cookie"] ?? "") && headers["x-app"] === "shop";
      return isAnn ? { user: "ann" } : { refuse: "log in first" };
    },
  },
};

async function talkBySession(t: TestContext, options: NodeConnectOptions): Promise<void> {
  const headers = { Cookie: "theme=dark; session=s-17", "X-App": "shop" };
  const client = connect({ ...options, headers });
  t.after(() => client.close());
  const room = client.room("lobby");
  const messages = room.messages({ history: 1 });
  await room.send({ user: "ann", text: "it is me" });
  for await (const { user, text } of messages) {
    assert.deepEqual([user, text], ["ann", "it is me"]);
    break;
  }
  const stranger = connect({ ...options, reconnect: { maxAttempts: 1 } });
  t.after(() => stranger.close());
  await assert.rejects(stranger.room("lobby").send({ user: "ann", text: "it is me" }), /log in first/);
}

describe("attached to a server of node:http", () => {
  for (const transport of transports) {
    test(`a client talks by ${transport}, below the path`, async (t) => {
      const confab = await confabFor(t, { allowAnyone: true });
      const host = await hostFor(t);
      confab.attach(host, { path: "/talk" });
      const client = connect({ url: `${host.url}/talk`, user: "ann", transport });
      t.after(() => client.close());
      const messages = client.room("lobby").messages({ history: 2 });
      await confab.send("lobby", { user: "bot", text: "first" });
      await client.room("lobby").send({ text: "second" });
      const texts: string[] = [];
      for await (const { text } of messages) if (texts.push(text) === 2) break;
      assert.deepEqual(texts, ["first", "second"]);
    });
  }

  for (const transport of transports)
    test(`a client in Node sends the cookie of the host's session by ${transport}`, async (t) => {
      const confab = await confabFor(t, ofSessions);
      const host = await hostFor(t);
      confab.attach(host, { path: "/talk" });
      await talkBySession(t, { url: `${host.url}/talk`, transport });
    });

  test("the host's own routes and bodies are as before, whenever its listener was added", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    for (const isLater of [false, true]) {
      const seen: string[] = [];
      const answer = async (request: IncomingMessage, response: ServerResponse) => {
        seen.push(request.url ?? "");
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        response.end(`${request.url} ${Buffer.concat(chunks)}`);
      };
      const host = await hostFor(t, isLater ? undefined : answer);
      confab.attach(host, { path: "/talk" });
      if (isLater) host.on("request", answer);
      const own = await fetch(`${host.url}/talks?x=1`, { method: "POST", body: "body" });
      assert.equal(await own.text(), "/talks?x=1 body");
      const theirs = await fetch(`${host.url}/talk/healthz`);
      assert.equal(await theirs.text(), '{"status":"ok"}');
      const unknown = await fetch(`${host.url}/talk/nothing`);
      assert.equal(unknown.status, 404);
      assert.match(await unknown.text(), /UNKNOWN_PATH.*nothing lives at \/talk\/nothing/);
      assert.deepEqual(seen, ["/talks?x=1"]);
    }
  });

  for (const [what, target, upgrade, answer] of [
    ["a WebSocket", "/talk/chat", webSocketFields, /HTTP\/1\.1 101 /],
    ["an upgrade to h2c below the path", "/talk/nothing", h2cFields, /UNKNOWN_PATH/],
    ["an upgrade that is ignored", "/own?second", h2cFields, /own answer \/own\?second/],
  ] as const)
    test(`${what} that is pipelined behind answers of the host comes after them`, async (t) => {
      const confab = await confabFor(t, { allowAnyone: true });
      const held: ServerResponse[] = [];
      const host = await hostFor(t, (request, response) => {
        if (request.url?.startsWith("/slow")) held.push(response);
        else response.end(`own answer ${request.url}`);
      });
      confab.attach(host, { path: "/talk" });
      const socket = connectSocket(Number(new URL(host.url).port), "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => {
        text += String(chunk);
      });
      const get = (path: string, fields = "") => `GET ${path} HTTP/1.1\r\nhost: x\r\n${fields}\r\n`;
      socket.write(`${get("/slow/1")}${get("/slow/2")}${get(target, upgrade)}`);
      await until(() => held.length === 2);
      // What would be written too early would be there by the time of another request's answer.
      await (await fetch(`${host.url}/talk/healthz`)).text();
      assert.equal(text, "");
      held[1]?.end("slow answer 2");
      held[0]?.end("slow answer 1");
      const order = () => [/slow answer 1/, /slow answer 2/, answer].map((each) => text.search(each));
      await until(() => socket.destroyed || !order().includes(-1));
      socket.destroy();
      const sorted = order().sort((a, b) => a - b);
      assert.ok(sorted[0] !== -1, text);
      assert.deepEqual(order(), sorted);
    });

  test("upgrades that are not below the path go to the host, as a request where it takes none", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    const host = await hostFor(t, (request, response) => void response.end(`plain ${request.headers.upgrade ?? "-"}`));
    confab.attach(host, { path: "/talk" });
    confab.attach(host, { path: "/talk/more" });
    const upgrade = "GET /own HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    assert.match(await answerTo(host.url, upgrade), /plain -/);
    host.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Own\r\n\r\n"));
    assert.match(await answerTo(host.url, upgrade), /101 Own/);
    // curl --http2 asks for it on each request.
    const h2c =
      "GET /talk/healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n";
    assert.match(await answerTo(host.url, h2c), /"status":"ok"/);
  });

  test("after detach and after close the host goes on alone, and open WebSockets are told", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    const host = await hostFor(t, (_request, response) => void response.end("the host's"));
    const detach = confab.attach(host, { path: "/one" });
    confab.attach(host, { path: "/two" });
    detach();
    assert.equal(await (await fetch(`${host.url}/one/healthz`)).text(), "the host's");
    confab.attach(host, { path: "/one" });
    const socket = new WebSocket(`${host.url.replace("http", "ws")}/two/chat`);
    await once(socket, "open");
    const closed = once(socket, "close");
    await confab.close();
    assert.equal((await closed)[0], 1012);
    for (const path of ["/one/healthz", "/two/healthz"])
      assert.equal(await (await fetch(`${host.url}${path}`)).text(), "the host's");
    assert.throws(() => confab.attach(host, { path: "/three" }), isConfig(/was closed/));
    // The path is free again, and a second call of what ended the first attachment does not end this one.
    const next = await confabFor(t, { allowAnyone: true });
    next.attach(host, { path: "/one" });
    detach();
    assert.equal(await (await fetch(`${host.url}/one/healthz`)).text(), '{"status":"ok"}');
  });

  test("a path is taken once, and must be a path", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    const other = await confabFor(t, { allowAnyone: true });
    const host = await hostFor(t);
    confab.attach(host);
    assert.throws(() => confab.attach(host), isConfig(/attached at \/ of this server already/));
    assert.throws(() => other.attach(host, { path: "/" }), isConfig(/already/));
    for (const path of ["talk", "/talk/", "/a b", "//", "/talk?x", ""])
      assert.throws(() => other.attach(host, { path }), isConfig(/`path`/), path);
  });

  test("no caller is admitted without a word about who may connect", async (t) => {
    const confab = await confabFor(t);
    const host = await hostFor(t);
    assert.throws(() => confab.attach(host), isConfig(/`allowAnyone`/));
    const loopback = await confabFor(t, { host: "127.0.0.1", allowAnyone: true });
    assert.throws(() => loopback.attach(host), isConfig(/without a `host`/));
    const keys = { keyFiles: [await secretFor(t)] };
    const both = await confabFor(t, { host: "127.0.0.1", auth: keys, allowAnyone: true });
    assert.throws(() => both.attach(host), isConfig(/without a `host`/));
    const guarded = await confabFor(t, { auth: keys });
    guarded.attach(host);
    assert.equal((await fetch(`${host.url}/v1/rooms`)).status, 401);
    const asked = { headers: { origin: "http://localhost:1" } };
    assert.equal((await fetch(`${host.url}/v1/rooms`, asked)).status, 403);
  });

  test("errors name paths as the client asked for them, and options by their names", async (t) => {
    const confab = await confabFor(t, { auth: { keyFiles: [await secretFor(t)] } });
    const host = await hostFor(t);
    confab.attach(host, { path: "/talk" });
    const errorAt = async (path: string, init?: RequestInit) => (await fetch(`${host.url}${path}`, init)).text();
    assert.match(await errorAt("/talk/v1/nothing"), /nothing lives at \\"\/talk\/v1\/nothing\\"/);
    assert.match(await errorAt("/talk/v1/rooms", { method: "PUT" }), /\/talk\/v1\/rooms\\" takes GET/);
    const origin = { headers: { origin: "https://elsewhere.example" } };
    assert.match(await errorAt("/talk/v1/rooms", origin), /with `allowedOrigins`.*`trustedProxies` must name/);
    assert.match(await errorAt("/talk/v1/rooms?access_token=x"), /switch on `auth.isInUrlTaken`/);
    const handshake =
      "GET /talk/chats HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    assert.match(await answerTo(host.url, handshake), /no WebSocket lives at \/talk\/chats; try \/talk\/chat"/);
  });

  test("pages of other origins are refused", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    const host = await hostFor(t);
    confab.attach(host, { path: "/talk" });
    const asked = { headers: { origin: "https://elsewhere.example" } };
    assert.equal((await fetch(`${host.url}/talk/v1/rooms`, asked)).status, 403);
    assert.equal((await fetch(`${host.url}/talk/v1/rooms`, { headers: { origin: host.url } })).status, 200);
  });
});

/** What a server answers to bytes, until it has said something. */
async function answerTo(url: string, bytes: string): Promise<string> {
  const socket = connectSocket(Number(new URL(url).port), "127.0.0.1");
  socket.write(bytes);
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    if (/\r\n\r\n./.test(text) || text.includes("101 Own")) break;
  }
  socket.destroy();
  return text;
}

describe("attached to a server of node:http2", () => {
  test("clients talk by gRPC, and by what HTTP/1.1 carries where the server allows it", async (t) => {
    const confab = await confabFor(t, { allowAnyone: true });
    const host = createSecureServer({ cert: testCertificate, key: testKey, allowHTTP1: true }, (_request, response) => {
      response.end("the host's");
    });
    const url = await listening(t, host);
    confab.attach(host);
    for (const transport of ["grpc", "websocket-proto", "sse"] as const) {
      const client = connect({ url, user: "ann", transport, ca: [testCertificate] });
      t.after(() => client.close());
      const messages = client.room(transport).messages({ history: 2 });
      await confab.send(transport, { user: "bot", text: "first" });
      await client.room(transport).send({ text: "second" });
      const texts: string[] = [];
      for await (const { text } of messages) if (texts.push(text) === 2) break;
      assert.deepEqual(texts, ["first", "second"]);
    }
  });

  test("a client in Node sends the cookie of the host's session by gRPC", async (t) => {
    const confab = await confabFor(t, ofSessions);
    const host = createSecureServer({ cert: testCertificate, key: testKey });
    const url = await listening(t, host);
    confab.attach(host);
    await talkBySession(t, { url, transport: "grpc", ca: testCertificate });
  });
});

async function listening(t: TestContext, host: Http2SecureServer): Promise<string> {
  host.listen(0, "127.0.0.1");
  await once(host, "listening");
  t.after(() => host.close());
  return `https://127.0.0.1:${(host.address() as AddressInfo).port}`;
}
