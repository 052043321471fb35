import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { connect } from "@confab/client/node";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";

// 600 history requests on one HTTP/2 connection whose window is 0 took 2.8 GB, and kept them for minutes.

const requests = 100;
const mib = 1_048_576;
const page = "/v1/rooms/large/messages?limit=1000";

let dataDir: string;
let server: RunningServer;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "confab-replies-"));
  server = await startServer({
    port: 0,
    engine: { kind: "embedded", dataDir, durability: "os" },
    limits: { maxReplyBytes: 8 * mib },
  });
  const sender = connect({ url: server.url, user: "ann" });
  const texts = Array.from({ length: 16 }, () => "x".repeat(60_000));
  await Promise.all(texts.map((text) => sender.room("large").send(text)));
  sender.close();
});

afterEach(async () => {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** The status of a page and how many bytes it has. */
async function readPage(): Promise<readonly [status: number, bytes: number]> {
  const response = await fetch(server.url + page);
  return [response.status, (await response.arrayBuffer()).byteLength];
}

/** Resolves when the server has nothing to do for a while: each answer comes after all that came before it. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
}

test("an HTTP/2 client that takes nothing has a few pages made, and gets all of them when it reads", async () => {
  const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
  await once(session, "connect");
  let heads = 0;
  const streams = Array.from({ length: requests }, () => session.request({ ":path": page }));
  const bodies = streams.map(async (stream) => {
    stream.on("response", () => heads++);
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    return bytes;
  });
  await once(streams[0] ?? assert.fail(), "response");
  await settled();
  const { replyBytes, mostReplyBytes } = server.work;
  assert.ok(replyBytes > 0.9 * mib && replyBytes <= 4 * mib, `${replyBytes} bytes wait`);
  assert.ok(mostReplyBytes <= 4 * mib, `${mostReplyBytes} bytes waited`);
  assert.ok(heads < 5, `${heads} pages were made`);
  const [status, pageBytes] = await readPage();
  assert.equal(status, 200);
  session.settings({ initialWindowSize: 2 * mib });
  assert.deepEqual(new Set(await Promise.all(bodies)), new Set([pageBytes]));
  session.close();
  await once(session, "close");
  await settled();
  assert.equal(server.work.replyBytes, 0);
});

test("a client that goes away gives its room back, and what it asked for is not made", async () => {
  const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
  session.on("error", () => undefined);
  const streams = Array.from({ length: requests }, () => session.request({ ":path": page }));
  for (const stream of streams) stream.on("error", () => undefined);
  await once(streams[0] ?? assert.fail(), "response");
  session.destroy();
  for (let i = 0; i < 200 && server.work.replyBytes > 0; i++) await settled();
  assert.equal(server.work.replyBytes, 0);
});

test("OVERLOADED past the bound of the process, and pages again once the others have gone", async () => {
  const sessions: ClientHttp2Session[] = [];
  let refused: Response | undefined;
  for (let i = 0; i < 10 && refused === undefined; i++) {
    const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    sessions.push(session);
    const streams = Array.from({ length: 2 }, () => session.request({ ":path": page }));
    await Promise.all(streams.map((stream) => once(stream, "response")));
    const response = await fetch(server.url + page);
    if (response.status === 200) await response.arrayBuffer();
    else refused = response;
  }
  assert.ok(refused, `${server.work.replyBytes} bytes wait, and no page was refused`);
  const { error } = (await refused.json()) as { error: { code: string } };
  assert.deepEqual([refused.status, error.code, refused.headers.get("retry-after")], [503, "OVERLOADED", "1"]);
  // Each of the pages that were being made when the bound was reached may be one of 1 MiB.
  assert.ok(server.work.mostReplyBytes < 12 * mib, `${server.work.mostReplyBytes} bytes waited`);
  for (const session of sessions) session.destroy();
  for (let i = 0; i < 200 && server.work.replyBytes > 0; i++) await settled();
  assert.equal((await readPage())[0], 200);
});

test("an HTTP/1.1 client that reads nothing has a few pages made, however many it asks for", async () => {
  const socket = connectSocket(server.port, "127.0.0.1").pause();
  await once(socket, "connect");
  socket.write(`GET ${page} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`.repeat(100));
  while (server.work.replyBytes < 0.9 * mib) await settled();
  assert.equal((await readPage())[0], 200);
  assert.ok(server.work.mostReplyBytes <= 6 * mib, `${server.work.mostReplyBytes} bytes waited`);
  socket.destroy();
  for (let i = 0; i < 200 && server.work.replyBytes > 0; i++) await settled();
  assert.equal(server.work.replyBytes, 0);
});

test("a HEAD of a page takes no room for longer than it is answered", async () => {
  const request = get(server.url + page, { method: "HEAD" });
  const [response] = await once(request, "response");
  response.resume();
  await once(response, "end");
  await settled();
  assert.equal(server.work.replyBytes, 0);
});
