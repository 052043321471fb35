import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { enveloped } from "@confab/contract";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";
import { WebSocket } from "ws";

// One HTTP/2 connection with a thousand requests that did not end made the server hold 385 KB for each of them.

const kib = 1_024;
const mib = 1_024 * kib;
const limits = { maxPartialRequestBytes: 4 * mib, maxPartialRequestBytesPerConnection: mib };

const noBytes = Buffer.alloc(0);

/** Requests that one connection begins. */
const requests = 40;

/** What comes of each: less than a message may have. */
const beginning = Buffer.alloc(100 * kib, 0x20);

let dataDir: string;
let server: RunningServer;

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "confab-partial-"));
  server = await startServer({ port: 0, engine: { kind: "embedded", dataDir, durability: "os" }, limits });
});

after(async () => {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
});

const rpc = "/confab.v1.ChatService/SendMessage";
const converse = "/confab.v1.ChatService/Converse";
const announced = Buffer.from(enveloped(0, Buffer.alloc(200 * kib))).subarray(0, 5);

interface Form {
  readonly path: string;
  readonly type: string;
  /** What comes before the beginning. */
  readonly first?: Buffer;
  /** What comes instead of both. */
  readonly compressed?: Buffer;
}

/** What begins and does not end, on each transport that takes requests over HTTP. */
const forms = {
  REST: { path: "/v1/rooms/a/messages", type: "application/json" },
  "Connect, unary": { path: rpc, type: "application/json" },
  "Connect, stream": { path: converse, type: "application/connect+json", first: announced },
  gRPC: { path: rpc, type: "application/grpc+json", first: announced },
  "gRPC, stream": { path: converse, type: "application/grpc+json", first: announced },
  "gRPC-Web": { path: rpc, type: "application/grpc-web+json", first: announced },
  // Some hundred bytes, which are held inflated until the request ends.
  "gRPC, compressed": {
    path: rpc,
    type: "application/grpc+json",
    compressed: Buffer.from(enveloped(1, gzipSync(beginning))),
  },
} satisfies Readonly<Record<string, Form>>;

function begin(session: ClientHttp2Session, { path, type, first = noBytes, compressed }: Form): ClientHttp2Stream {
  const encoding = compressed && { "grpc-encoding": "gzip" };
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": type, ...encoding });
  stream.on("error", () => undefined);
  stream.write(compressed ?? Buffer.concat([first, beginning]));
  return stream;
}

/** Resolves to what the server says of a request: its status, or the one in the trailers or the body. */
async function outcomeOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  stream.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  const trailers = once(stream, "trailers").then(([fields]) => JSON.stringify(fields));
  const [head] = (await once(stream, "response")) as [Record<string, unknown>];
  if (head["grpc-status"] !== undefined) return String(head["grpc-status"]);
  if (head[":status"] !== 200) return String(head[":status"]);
  await Promise.race([once(stream, "end"), trailers]);
  return /"code":"resource_exhausted"/.test(text) ||
    /grpc-status["\s:]+8/.test(text + (await Promise.race([trailers, ""])))
    ? "8"
    : text;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
}

for (const [name, form] of Object.entries(forms)) {
  test(`${name}: a connection that ends no request has its oldest refused, and others are served`, async () => {
    const session = connectHttp2(server.url);
    session.on("error", () => undefined);
    await once(session, "connect");
    const streams = Array.from({ length: requests }, () => begin(session, form));
    const outcomes = streams.map((stream) => outcomeOf(stream));
    // 40 times 100 KiB came, and 1 MiB is held: the first 30 or so are refused, in order.
    for (const outcome of outcomes.slice(0, 25)) assert.match(await outcome, /^(429|8)$/);
    assert.ok(server.work.partialRequestBytes <= mib, `${server.work.partialRequestBytes} bytes are held`);
    assert.ok(server.work.partialRequestBytes > 0);
    const sent = await fetch(`${server.url}/v1/rooms/a/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", text: "x".repeat(60_000) }),
    });
    assert.equal(sent.status, 200, await sent.text());
    session.destroy();
    await until(() => server.work.partialRequestBytes === 0);
  });
}

test("OVERLOADED for the oldest past the bound of the process, whatever connections they are on", async () => {
  const sessions = Array.from({ length: 8 }, () => connectHttp2(server.url));
  for (const session of sessions) session.on("error", () => undefined);
  await Promise.all(sessions.map((session) => once(session, "connect")));
  const begun = (session: ClientHttp2Session) => Array.from({ length: 9 }, () => begin(session, forms.REST));
  const first = begun(sessions[0] ?? assert.fail());
  await until(() => server.work.partialRequestBytes === 9 * beginning.length);
  const refused = Promise.all(first.map((stream) => outcomeOf(stream)));
  for (const session of sessions.slice(1)) begun(session);
  assert.deepEqual(new Set(await refused), new Set(["503"]));
  assert.ok(server.work.partialRequestBytes <= 4 * mib, `${server.work.partialRequestBytes} bytes are held`);
  for (const session of sessions) session.destroy();
  await until(() => server.work.partialRequestBytes === 0);
});

test("OVERLOADED for messages of WebSockets that do not end, and others are served", async () => {
  const count = 48;
  const sockets = Array.from({ length: count }, () => new WebSocket(`${server.url}/chat`, ["confab.v1.json"]));
  await Promise.all(sockets.map((socket) => once(socket, "open")));
  const closed = sockets.map((socket) => once(socket, "close"));
  for (const socket of sockets) socket.send(beginning, { fin: false });
  // 48 times 100 KiB came, and 4 MiB is held.
  const [code, reason] = (await Promise.any(closed)) as [number, Buffer];
  assert.equal(code, 1013);
  assert.match(reason.toString(), /^OVERLOADED: .*maxPartialRequestBytes/);
  await until(() => sockets.filter(({ readyState }) => readyState === WebSocket.CLOSED).length >= count - 41);
  assert.ok(server.work.partialRequestBytes <= 4 * mib, `${server.work.partialRequestBytes} bytes are held`);
  for (const socket of sockets) socket.terminate();
  await until(() => server.work.partialRequestBytes === 0);
});
