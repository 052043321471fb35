import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Signal } from "../../core/index.js";
import { roomIdFrom } from "../../core/index.js";
import { type RestTestServer, restTestServer } from "../../testing/rest-test-server.js";

let server: RestTestServer;

before(async () => {
  server = await restTestServer();
});
after(() => server.close());

function get(path: string): Promise<Response> {
  return fetch(server.origin + path);
}

function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.origin + path, {
    method: "POST",
    body,
    headers: { "content-type": "application/json", ...headers },
  });
}

async function jsonOf(response: Response): Promise<unknown> {
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal(response.headers.get("cache-control"), "no-store");
  return response.json();
}

test("SendMessage stores what is posted to a room, and GetHistory returns it", async () => {
  const ack = await jsonOf(await post("/v1/rooms/hall/messages", '{"user":"bob","text":"hi","id":"k1"}'));
  assert.deepEqual(ack, { id: "k1", position: { epoch: 7, offset: "1" }, sentAt: "2026-01-02T03:04:05.006Z" });
  const page = await jsonOf(await get("/v1/rooms/hall/messages"));
  assert.deepEqual(page, {
    messages: [
      {
        user: "bob",
        text: "hi",
        room: "hall",
        id: "k1",
        position: { epoch: 7, offset: "1" },
        sentAt: "2026-01-02T03:04:05.006Z",
      },
    ],
    oldest: { epoch: 7, offset: "1" },
    newest: { epoch: 7, offset: "1" },
  });
});

test("the same id again is answered as a duplicate", async () => {
  await post("/v1/rooms/twice/messages", '{"user":"bob","text":"hi","id":"k1"}');
  const ack = await jsonOf(await post("/v1/rooms/twice/messages", '{"user":"bob","text":"hi","id":"k1"}'));
  assert.deepEqual(ack, {
    id: "k1",
    position: { epoch: 7, offset: "1" },
    sentAt: "2026-01-02T03:04:05.006Z",
    duplicate: true,
  });
});

test("the room of the path wins over the room of the body", async () => {
  await jsonOf(await post("/v1/rooms/path/messages", '{"user":"bob","text":"hi","room":"body"}'));
  assert.equal(server.engine.state(roomIdFrom("path")).newest, 1);
  assert.equal(server.engine.state(roomIdFrom("body")).newest, 0);
});

test("unknown fields and unknown parameters are ignored", async () => {
  await jsonOf(
    await post("/v1/rooms/unknown/messages?colour=red", '{"user":"bob","text":"hi","colour":"red","deep":{"a":[1]}}'),
  );
  await jsonOf(await get("/v1/rooms/unknown/messages?colour=red&%ff=1&a.b.c=1"));
});

test("a gzip body is understood", async () => {
  await jsonOf(
    await post("/v1/rooms/packed/messages", gzipSync('{"user":"bob","text":"packed"}'), { "content-encoding": "gzip" }),
  );
});

test("a payload of a type the server does not know passes through, and comes in its encoded form", async () => {
  const payload = { "@type": "type.googleapis.com/shop.Order", value: "CAE=" };
  await jsonOf(await post("/v1/rooms/shop/messages", JSON.stringify({ user: "bob", payload })));
  const page = await jsonOf(await get("/v1/rooms/shop/messages"));
  const [message] = (page as { messages: { payload?: unknown; encodedPayload?: unknown }[] }).messages;
  assert.deepEqual(message?.encodedPayload, { typeUrl: "type.googleapis.com/shop.Order", value: "CAE=" });
  assert.equal(message?.payload, undefined);
});

async function textsOf(query: string): Promise<unknown> {
  const page = (await jsonOf(await get(`/v1/rooms/pages/messages${query}`))) as {
    messages?: { text: string }[];
    more?: boolean;
  };
  return [(page.messages ?? []).map(({ text }) => text).join(""), page.more ?? false];
}

test("GetHistory pages by positions, limits and direction, in every spelling of the parameters", async () => {
  await server.say("pages", "a", "b", "c", "d", "e");
  assert.deepEqual(await textsOf(""), ["abcde", false]);
  assert.deepEqual(await textsOf("?limit=2"), ["de", true]);
  assert.deepEqual(await textsOf("?limit=2&oldest_first=true"), ["ab", true]);
  assert.deepEqual(await textsOf("?limit=2&oldestFirst=true"), ["ab", true]);
  assert.deepEqual(await textsOf("?after=7:2&limit=2"), ["cd", true]);
  assert.deepEqual(await textsOf("?after=7%3A2"), ["cde", false]);
  assert.deepEqual(await textsOf("?after.epoch=7&after.offset=2"), ["cde", false]);
  assert.deepEqual(await textsOf("?before=7:3"), ["ab", false]);
  assert.deepEqual(await textsOf("?after=7:5"), ["", false]);
  assert.deepEqual(await textsOf("?room=lobby"), ["abcde", false]);
});

test("ListRooms finds rooms by prefix and pages through them", async () => {
  for (const room of ["list-a", "list-b", "list-c"]) await server.say(room, "x");
  const page = await jsonOf(await get("/v1/rooms?prefix=list-&limit=2"));
  const position = { epoch: 7, offset: "1" };
  assert.deepEqual(page, {
    rooms: ["list-a", "list-b"].map((name) => ({ name, oldest: position, newest: position, messages: "1" })),
    nextPage: "list-b",
  });
  const rest = await jsonOf(await get("/v1/rooms?prefix=list-&limit=2&page=list-b"));
  assert.deepEqual(rest, { rooms: [{ name: "list-c", oldest: position, newest: position, messages: "1" }] });
});

test("ListMembers lists who reads the room", async () => {
  const listening = new AbortController();
  const stream = await fetch(`${server.origin}/v1/rooms/members/stream?name=zoe`, { signal: listening.signal });
  assert.equal(stream.status, 200);
  const page = await jsonOf(await get("/v1/rooms/members/members"));
  assert.deepEqual(page, { members: [{ user: "zoe", connections: 1 }], total: 1 });
  listening.abort();
});

test("SendSignal reaches the room's listeners and is not logged", async () => {
  const room = roomIdFrom("signals");
  const heard: Signal[] = [];
  server.engine.watch(room, {
    entries: () => assert.fail("it was logged"),
    interrupted: () => assert.fail("nothing was missed"),
    erased: () => assert.fail("nothing was erased"),
    signal: (signal) => heard.push(signal),
    presence: () => assert.fail("nobody came"),
  });
  const reply = await jsonOf(
    await post("/v1/rooms/signals/signals", '{"user":"bob","kind":"read","position":{"epoch":7,"offset":"3"}}'),
  );
  assert.deepEqual(reply, {});
  assert.deepEqual(heard, [{ user: "bob", room, kind: "read", position: { epoch: 7, offset: 3 }, payload: undefined }]);
});

test("HEAD is GET without the body", async () => {
  const full = await get("/v1/rooms/hall/messages");
  const head = await fetch(`${server.origin}/v1/rooms/hall/messages`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), full.headers.get("content-length"));
  assert.equal(await head.text(), "");
  const stream = await fetch(`${server.origin}/v1/rooms/hall/stream`, { method: "HEAD" });
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  assert.equal(await stream.text(), "");
});

for (const [accepted, isPacked] of [
  ["gzip", true],
  ["br, GZIP;q=0.5", true],
  ["gzip;q=0", false],
  ["gzip; q=0.000", false],
  ["br", false],
  ["identity", false],
] as const) {
  test(`a long reply to "accept-encoding: ${accepted}" is ${isPacked ? "gzip" : "plain"}`, async () => {
    await server.say("long", "x".repeat(2_000));
    const reply = await fetch(`${server.origin}/v1/rooms/long/messages?limit=1`, {
      headers: { "accept-encoding": accepted },
    });
    assert.equal(reply.headers.get("content-encoding"), isPacked ? "gzip" : null);
    assert.equal(reply.headers.get("vary"), "accept-encoding");
    const page = (await jsonOf(reply)) as { messages: { text: string }[] };
    assert.equal(page.messages[0]?.text.length, 2_000);
  });
}

test("a short reply is never compressed", async () => {
  const reply = await get("/v1/rooms/nobody/messages");
  assert.equal(reply.headers.get("content-encoding"), null);
  await jsonOf(reply);
});
