import assert from "node:assert/strict";
import { createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { type AttackName, fillAttacked, measureAttack } from "./attack.js";

let server: Http2Server;
let port: number;
/** Requests that wait for their answers, and the most that did so at a time. */
let waiting: ServerHttp2Stream[];
let most: number;
let asked: Map<string, number>;
let answer: (stream: ServerHttp2Stream) => void;

beforeEach(async () => {
  waiting = [];
  most = 0;
  asked = new Map();
  server = createServer({ settings: { maxConcurrentStreams: 1_000 } });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    const path = String(headers[":path"]);
    asked.set(path, (asked.get(path) ?? 0) + 1);
    stream.on("error", () => undefined);
    stream.resume();
    answer(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  server.close();
});

function attackUntil(isEnough: () => boolean, attack: AttackName) {
  const load = { port, serverPid: process.pid, attack, startUnixMs: 0, toUnixMs: Date.now() + 20_000 };
  return measureAttack(load, isEnough);
}

test("a batch of pages is asked for at once, and the next one when it is answered", async () => {
  let batches = 0;
  answer = (stream) => {
    waiting.push(stream);
    most = Math.max(most, waiting.length);
    if (waiting.length < 100) return;
    batches += 1;
    for (const each of waiting.splice(0)) {
      each.respond({ ":status": 200 });
      each.end("{}");
    }
  };
  const { answers, rssPeakBytes } = await attackUntil(() => batches >= 3, "history");
  assert.deepEqual([...asked.keys()], ["/v1/rooms/attacked/messages?limit=1000"]);
  assert.equal(most, 100);
  assert.ok(answers >= 200, `${answers} answers`);
  assert.ok(rssPeakBytes > 10_000_000);
});

test("600 pages are asked for of which nothing is taken", async () => {
  const bodies: ServerHttp2Stream[] = [];
  answer = (stream) => {
    stream.respond({ ":status": 200 });
    stream.end("x".repeat(100));
    bodies.push(stream);
  };
  const { answers } = await attackUntil(() => bodies.length >= 600, "unread");
  assert.deepEqual([bodies.length, answers], [600, 0]);
});

test("an attack sends no request to the server that it is compared with", async () => {
  let looks = 0;
  const { answers } = await attackUntil(() => ++looks > 2, "none");
  assert.deepEqual([asked.size, answers], [0, 0]);
});

test("rooms are filled with as much as a page holds, and a server that ends the connection fails the run", async () => {
  answer = (stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end();
  };
  await fillAttacked({ port });
  assert.deepEqual([...asked], [["/confab.v1.ChatService/SendMessage", 2_000]]);
  answer = (stream) => stream.session?.destroy();
  await assert.rejects(fillAttacked({ port }), /could not be filled/);
});
