import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ConfabError } from "@confab/contract";
import { type RoomBus, roomIdFrom } from "../../core/index.js";
import { TestClient } from "./testing/test-client.js";
import { type WebSocketTestServer, webSocketTestServer } from "./testing/websocket-test-server.js";

let server: WebSocketTestServer;
beforeEach(async () => {
  server = await webSocketTestServer();
});
afterEach(() => server.close());

const plain = (query = "") => TestClient.open(`${server.url}${query}`);

test("the tutorial's client is heard by all readers of the lobby, itself included", async () => {
  const [sender, other] = [await plain(), await plain()];
  sender.sendJson({ user: "ann", text: "hi €" });
  for (const client of [sender, other]) {
    const { payload, isBinary } = await client.next();
    assert.equal(isBinary, false);
    assert.deepEqual(JSON.parse(payload.toString()), {
      user: "ann",
      text: "hi €",
      room: "lobby",
      id: "id-1",
      position: { epoch: 7, offset: "1" },
      sentAt: "2026-01-02T03:04:05.006Z",
    });
  }
});

test("a message that arrives before the room is open comes back to its sender", async () => {
  const { engine } = server;
  const watch = engine.watch.bind(engine);
  let openRoom: () => void = () => assert.fail("nobody waits for the room");
  const isWatching = new Promise<void>((resolve) => {
    const slowWatch: RoomBus["watch"] = async (room, listener) => {
      resolve();
      await new Promise<void>((open) => {
        openRoom = open;
      });
      return watch(room, listener);
    };
    Object.assign(engine, { watch: slowWatch });
  });
  const client = await plain();
  client.sendJson({ user: "ann", text: "early" });
  await isWatching;
  // Another connection's round trip, so that the server has had its turn to read the message if it reads at all.
  const other = await TestClient.open(server.url, ["confab.v1.json"]);
  other.sendJson({ request: 1, authenticate: {} });
  await other.nextJson();
  await other.nextJson();
  openRoom();
  assert.equal((await client.nextJson()).text, "early");
});

test("messages of one turn come one to a frame", async () => {
  const client = await plain();
  const other = await plain("?room=other");
  for (let i = 1; i <= 20; i++) client.sendJson({ user: "ann", text: `${i}` });
  for (let i = 1; i <= 20; i++) assert.equal((await client.nextJson()).text, `${i}`);
  other.sendJson({ user: "bob", text: "elsewhere" });
  assert.equal((await other.nextJson()).room, "other");
});

test("a message that names a room goes there, and one that does not goes to the connection's", async () => {
  const [a, b] = [await plain("?room=a"), await plain("?room=b")];
  a.sendJson({ user: "ann", text: "to b", room: "b" });
  a.sendJson({ user: "ann", text: "to a" });
  assert.equal((await b.nextJson()).text, "to b");
  assert.equal((await a.nextJson()).text, "to a");
});

test("history begins with the newest messages, after with what follows a position, and both go on live", async () => {
  await server.say("a", "1", "2", "3");
  const [newest, resumed] = [await plain("?room=a&history=2"), await plain("?room=a&after=7:1")];
  for (const client of [newest, resumed]) {
    assert.deepEqual([(await client.nextJson()).text, (await client.nextJson()).text], ["2", "3"]);
  }
  await server.say("a", "4");
  for (const client of [newest, resumed]) assert.equal((await client.nextJson()).text, "4");
});

test("a reader with a name is a member for as long as it is connected", async () => {
  const client = await plain("?room=a&name=ann");
  await server.say("a", "1");
  await client.nextJson();
  const members = async () => (await server.engine.members.counts([roomIdFrom("a")]))[0]?.members;
  const stays = await plain("?room=a");
  stays.sendJson({ user: "bob", text: "x" });
  await stays.nextJson();
  assert.equal(await members(), 1);
  client.socket.close(1000);
  await client.closed();
  assert.equal(await members(), 0);
});

test("bad messages are answered with their code, and the connection lives", async () => {
  const client = await plain();
  const bad: readonly [message: string, code: string][] = [
    ["{", "MALFORMED_MESSAGE"],
    ["[]", "MALFORMED_MESSAGE"],
    ['{"user":1,"text":"x"}', "MALFORMED_MESSAGE"],
    ['{"user":"","text":"x"}', "INVALID_MESSAGE"],
    ['{"user":"ann","text":"x","room":"no room"}', "INVALID_MESSAGE"],
  ];
  for (const [message, code] of bad) {
    client.send(message);
    assert.equal((await client.nextJson()).error.code, code, message);
  }
  client.sendJson({ user: "ann", text: "fine", unknownField: true });
  assert.equal((await client.nextJson()).text, "fine");
});

test("an error names the violated constraint, as every transport does", async () => {
  const client = await plain();
  client.sendJson({ user: "", text: "x" });
  const { error } = await client.nextJson();
  assert.equal(error.retry ?? false, false);
  assert.match(JSON.stringify(error.details), /"field":"user"/);
});

test("past maxErrors the connection ends with 1013, also when all came in one packet", async () => {
  await server.close();
  server = await webSocketTestServer({ maxErrors: 50, budgetWindowMs: 10_000 });
  const client = await plain();
  client.sendJson({ user: "ann", text: "good" });
  assert.equal((await client.nextJson()).text, "good");
  for (let i = 0; i < 200; i++) client.send("{");
  for (let i = 0; i < 51; i++) assert.equal((await client.nextJson()).error.code, "MALFORMED_MESSAGE");
  assert.equal((await client.nextJson()).error.code, "RATE_LIMITED");
  const reason = "more than 50 errors within 10000 ms (maxErrors)";
  assert.deepEqual(await client.closed(), { code: 1013, reason: `RATE_LIMITED: ${reason}` });
  assert.deepEqual(server.abuses, [reason]);
  assert.equal(server.hub.roomInUse(roomIdFrom("lobby")), undefined);
});

test("a binary frame ends the connection with 1003", async () => {
  const client = await plain();
  client.send(Buffer.from('{"user":"ann","text":"x"}'));
  assert.equal((await client.nextJson()).error.code, "WRONG_FRAME_TYPE");
  assert.equal((await client.closed()).code, 1003);
});

const refusedReaders: readonly [query: string, code: string, closeCode: number][] = [
  ["?room=no%20room", "INVALID_MESSAGE", 1008],
  ["?after=yesterday", "MALFORMED_MESSAGE", 1008],
  ["?history=many", "MALFORMED_MESSAGE", 1008],
  ["?history=1001", "INVALID_MESSAGE", 1008],
  ["?history=5&after=7:0", "INVALID_MESSAGE", 1008],
  ["?after=7:99", "OUT_OF_RANGE", 4010],
  ["?after=6:0", "OUT_OF_RANGE", 4010],
];
for (const [query, code, closeCode] of refusedReaders) {
  test(`${query} is told ${code} and closed with ${closeCode}`, async () => {
    const client = await plain(query);
    const { error } = await client.nextJson();
    assert.equal(error.code, code);
    assert.deepEqual(await client.closed(), { code: closeCode, reason: `${code}: ${error.message}` });
  });
}

test("a send that the log refuses is answered with its code, and a bug is reported and kept to ourselves", async () => {
  const client = await plain();
  server.engine.appendError = new Error("secret");
  client.sendJson({ user: "ann", text: "x" });
  const { error } = await client.nextJson();
  assert.deepEqual([error.code, error.message], ["INTERNAL", "internal error"]);
  assert.equal(server.reports.length, 1);
});

test("the end of the hub ends plain connections with 1012", async () => {
  const client = await plain();
  await server.say("lobby", "before");
  await client.nextJson();
  server.hub.close(new ConfabError("SHUTTING_DOWN", "the server is stopping"));
  assert.equal((await client.nextJson()).error.code, "SHUTTING_DOWN");
  assert.deepEqual(await client.closed(), { code: 1012, reason: "SHUTTING_DOWN: the server is stopping" });
});

test("a client that leaves leaves its room", async () => {
  const client = await plain("?room=a");
  client.sendJson({ user: "ann", text: "x" });
  await client.nextJson();
  assert.equal(server.hub.roomInUse(roomIdFrom("a"))?.subscriberCount, 1);
  client.socket.close(1000);
  await client.closed();
  assert.equal(server.hub.roomInUse(roomIdFrom("a")), undefined);
});
