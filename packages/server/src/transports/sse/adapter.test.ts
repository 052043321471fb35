import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ConfabError } from "@confab/contract";
import { roomIdFrom } from "../../core/index.js";
import type { Exchange } from "../../http/exchange.js";
import { type RestTestServer, restTestServer } from "../../testing/rest-test-server.js";
import { SseTestClient } from "../../testing/sse-test-client.js";

let server: RestTestServer;

before(async () => {
  server = await restTestServer();
});
after(() => server.close());

function listenTo(room: string, query = "", headers: Record<string, string> = {}): Promise<SseTestClient> {
  return SseTestClient.open(`${server.origin}/v1/rooms/${room}/stream${query}`, headers);
}

/** Resolves when the room has this many subscriptions. */
async function subscribers(of: RestTestServer, room: string, count: number): Promise<void> {
  const present = () => of.hub.roomInUse(roomIdFrom(room))?.subscriberCount ?? 0;
  while (present() !== count) await new Promise((resolve) => setImmediate(resolve));
}

test("the head comes at once, and the first event says where the stream starts", async () => {
  await server.say("hall", "one", "two");
  const client = await listenTo("hall");
  assert.equal(client.status, 200);
  assert.equal(client.headers["content-type"], "text/event-stream");
  assert.equal(client.headers["cache-control"], "no-store, no-transform");
  assert.equal(client.headers["x-accel-buffering"], "no");
  assert.equal(client.headers["confab-position"], "7:2");
  assert.equal(client.headers["content-encoding"], undefined);
  assert.deepEqual(await client.next(), {
    name: "subscribed",
    id: "7:2",
    retry: "2000",
    data: '{"room":"hall","position":{"epoch":7,"offset":"2"}}',
  });
  client.close();
});

test("a position comes even when the room is empty", async () => {
  const client = await listenTo("empty");
  assert.equal((await client.next())?.id, "7:0");
  await server.say("empty", "first");
  assert.equal((await client.next())?.id, "7:1");
  client.close();
});

test("a message is an event without a name, its id is its position, its data the ChatMessage in JSON", async () => {
  const client = await listenTo("form");
  await client.next();
  await server.hub.send({ user: "ann", text: 'line\nbreak and "quotes" €', room: "form", id: "k1" });
  assert.deepEqual(await client.next(), {
    name: "message",
    id: "7:1",
    retry: undefined,
    data: '{"user":"ann","text":"line\\nbreak and \\"quotes\\" €","room":"form","id":"k1","position":{"epoch":7,"offset":"1"},"sentAt":"2026-01-02T03:04:05.006Z"}',
  });
  client.close();
});

test("history begins with the newest messages, after with those that follow a position", async () => {
  await server.say("past", "a", "b", "c");
  const newest = await listenTo("past", "?history=2");
  assert.equal((await newest.next())?.id, "7:1");
  assert.deepEqual(await newest.texts(2), ["b", "c"]);
  const following = await listenTo("past", "?after=7:1");
  assert.equal((await following.next())?.data, '{"room":"past","position":{"epoch":7,"offset":"1"},"recovered":true}');
  assert.deepEqual(await following.texts(2), ["b", "c"]);
  newest.close();
  following.close();
});

test("a client that comes back with Last-Event-ID gets what it missed, and live messages go on without a gap", async () => {
  const first = await listenTo("resume");
  await first.next();
  await server.say("resume", "1", "2");
  await first.next();
  const lastSeen = await first.next();
  first.close();
  await subscribers(server, "resume", 0);
  await server.say("resume", "3", "4");
  const second = await listenTo("resume", "", { "last-event-id": lastSeen?.id ?? "" });
  assert.equal((await second.next())?.data, '{"room":"resume","position":{"epoch":7,"offset":"2"},"recovered":true}');
  await server.say("resume", "5");
  assert.deepEqual(await second.texts(3), ["3", "4", "5"]);
  second.close();
});

test("Last-Event-ID wins over the after and the history of the URL, and an empty one is none", async () => {
  await server.say("wins", "a", "b", "c");
  for (const query of ["?after=7:0", "?history=3"]) {
    const client = await listenTo("wins", query, { "last-event-id": "7:2" });
    assert.deepEqual(await client.texts(1), ["c"]);
    client.close();
  }
  const client = await listenTo("wins", "?history=1", { "last-event-id": "" });
  assert.deepEqual(await client.texts(1), ["c"]);
  client.close();
});

test("all streams of a room are given the same bytes, made once", async () => {
  const clients = await Promise.all([listenTo("many"), listenTo("many"), listenTo("many")]);
  for (const client of clients) await client.next();
  await server.say("many", "x", "y", "z");
  for (const client of clients) {
    assert.deepEqual(await client.texts(3), ["x", "y", "z"]);
    client.close();
  }
});

test("a client that vanishes leaves the room, before or after its stream has begun", async () => {
  const client = await listenTo("vanish", "?name=zoe");
  await subscribers(server, "vanish", 1);
  client.close();
  await subscribers(server, "vanish", 0);
  assert.equal(server.hub.roomInUse(roomIdFrom("vanish")), undefined);
});

test("a heartbeat goes to a stream where nothing else does", async () => {
  const own = await restTestServer({ limits: { pingIntervalMs: 100 } });
  const client = await SseTestClient.open(`${own.origin}/v1/rooms/quiet/stream`);
  await client.next();
  assert.equal((await client.next())?.name, ":");
  assert.equal((await client.next())?.name, ":");
  client.close();
  await own.close();
});

test("a server that stops says why, and the stream ends", async () => {
  const own = await restTestServer();
  const client = await SseTestClient.open(`${own.origin}/v1/rooms/over/stream`);
  await client.next();
  own.hub.close(new ConfabError("SHUTTING_DOWN", "going down"));
  const event = await client.next();
  assert.equal(event?.name, "error");
  const { code, message, retry } = JSON.parse(event?.data ?? "{}");
  assert.deepEqual([code, message, retry], ["SHUTTING_DOWN", "going down", true]);
  assert.equal(await client.next(), undefined);
  await own.close();
});

test("a reader that does not read costs a bounded amount, and gets everything when it reads again", async () => {
  const maxQueuedBytes = 65_536;
  let exchange: Exchange | undefined;
  const own = await restTestServer({ limits: { maxQueuedBytes }, watch: (each) => (exchange = each) });
  const client = await SseTestClient.open(`${own.origin}/v1/rooms/slow/stream`);
  await client.next();
  const slow = exchange;
  assert.ok(slow);
  const count = 1_500;
  const filling = "x".repeat(10_000);
  let mostQueuedBytes = 0;
  for (let index = 0; index < count; index++) {
    await own.say("slow", `${index} ${filling}`);
    // A turn of the event loop, so that each message is a delivery of its own.
    await new Promise((resolve) => setImmediate(resolve));
    mostQueuedBytes = Math.max(mostQueuedBytes, slow.queuedBytes);
  }
  assert.ok(mostQueuedBytes > maxQueuedBytes, `the socket took everything (${mostQueuedBytes} bytes queued at most)`);
  // One write may pass the bound: a page of the log, at most, in this form.
  assert.ok(mostQueuedBytes < maxQueuedBytes + 300_000, `${mostQueuedBytes} bytes were queued`);
  const texts = await client.texts(count);
  assert.deepEqual(
    texts.map((text) => Number(text.split(" ")[0])),
    Array.from({ length: count }, (_, index) => index),
  );
  client.close();
  await own.close();
});
