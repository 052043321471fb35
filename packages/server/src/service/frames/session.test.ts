import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { FrameClient, FrameServer } from "../../testing/fake-channel.js";
import { settled } from "../../testing/manual-turns.js";
import { lobby, offsets } from "../../testing/test-hub.js";

const send = (text: string, room = "lobby") => ({ case: "send" as const, value: { user: "ann", text, room } });

test("a session begins with a welcome that says what the server is and asks", () => {
  const client = new FrameClient(new FrameServer({ pingIntervalMs: 1_500, maxMessageBytes: 2_000 }));
  const [{ request, value } = assert.fail()] = client.all("welcome");
  assert.deepEqual(
    [request, value.connection, value.serverVersion, value.maxMessageBytes],
    [0, "connection-1", "1.2.3", 2_000],
  );
  assert.deepEqual([value.pingInterval?.seconds, value.pingInterval?.nanos], [1n, 500_000_000]);
  assert.deepEqual([value.dedupeWindow?.seconds, value.dedupeWindow?.nanos], [90n, 500_000_000]);
});

test("frames that are no frames are answered with an error, and the session goes on", async () => {
  const server = new FrameServer();
  for (const [format, bytes] of [
    ["proto", Uint8Array.of(0xff)],
    ["json", Buffer.from("{")],
    ["json", Buffer.from("[]")],
    ["json", Uint8Array.of(0xff)],
  ] as const) {
    const client = new FrameClient(server, format);
    client.session.receive(bytes);
    await client.ask({ request: 7, frame: send("hi") });
    assert.deepEqual(client.errors, ["0 MALFORMED_MESSAGE"]);
    assert.deepEqual(
      client.all("ack").map(({ request }) => request),
      [7],
    );
  }
});

test("answers are in the order of sends to a room, and each carries its request", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  for (let request = 1; request <= 50; request++) client.say({ request, frame: send(`text ${request}`) });
  await server.settle();
  assert.deepEqual(
    client.all("ack").map(({ request, value }) => [request, Number(value.position?.offset)]),
    offsets(1, 50).map((n) => [n, n]),
  );
});

test("a request of 0 is not acknowledged, but its error is told", async () => {
  const client = new FrameClient(new FrameServer());
  await client.ask({ request: 0, frame: send("hi") });
  await client.ask({ request: 0, frame: { case: "signal", value: { user: "ann", kind: "typing" } } });
  assert.equal(client.channel.sent.length, 1, "the welcome");
  await client.ask({ request: 0, frame: send("") });
  assert.deepEqual(client.errors, ["0 INVALID_MESSAGE"]);
});

test("the channel is paused at maxRequestsInFlight, and resumed below it", async () => {
  const server = new FrameServer({ maxRequestsInFlight: 3 });
  const client = new FrameClient(server);
  server.hub.engine.isSlow = true;
  const history = { case: "history" as const, value: {} };
  const paused: boolean[] = [];
  for (let request = 1; request <= 3; request++) {
    client.say({ request, frame: history });
    paused.push(client.channel.isPaused);
  }
  assert.deepEqual(paused, [false, false, true]);
  await settled();
  server.hub.engine.releaseOne();
  await settled();
  assert.ok(client.channel.isPaused, "the first is still being read");
  server.hub.engine.releaseOne();
  await settled();
  assert.equal(client.all("history").length, 1);
  assert.ok(!client.channel.isPaused);
});

test("a channel that is full takes no more frames until it has drained", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  await client.ask({ request: 1, frame: send("one") });
  assert.ok(client.channel.isPaused);
  client.channel.hasRoom = true;
  client.session.drained();
  assert.ok(!client.channel.isPaused);
});

// A thousand requests of ten bytes each asked for gigabytes, which all waited in memory for a client that did not read.
test("pages for a client that does not read are made one at a time", async () => {
  const server = new FrameServer();
  await server.hub.say(10);
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  for (let request = 1; request <= 20; request++) client.say({ request, frame: { case: "history", value: {} } });
  await server.settle();
  assert.equal(client.all("history").length, 1);
  for (let read = 2; read <= 4; read++) {
    client.session.drained();
    await server.settle();
    assert.equal(client.all("history").length, read);
  }
  client.channel.hasRoom = true;
  client.session.drained();
  await server.settle();
  assert.deepEqual(
    client.all("history").map(({ request }) => request),
    offsets(1, 20),
  );
});

test("pages that wait for a client that goes away are never made", async () => {
  const server = new FrameServer();
  await server.hub.say(10);
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  for (let request = 1; request <= 5; request++) client.say({ request, frame: { case: "history", value: {} } });
  await server.settle();
  let answered = false;
  void client.session.answered().then(() => {
    answered = true;
  });
  client.session.closed();
  await server.settle();
  assert.deepEqual([client.all("history").length, answered], [1, true]);
});

test("signals for a client that does not read are dropped, and those after it has read are not", async () => {
  const server = new FrameServer({ maxSignalsPerSecond: 1_000 });
  const client = new FrameClient(server);
  await client.subscribe("lobby", 1, { signals: true });
  const signal = (kind: string) => server.hub.hub.signal({ user: "bob", room: lobby, kind });
  signal("a");
  client.channel.hasRoom = false;
  for (let i = 0; i < 100; i++) signal("b");
  client.channel.hasRoom = true;
  client.session.drained();
  signal("c");
  assert.deepEqual(
    client.all("signal").map(({ value }) => value.kind),
    ["a", "b", "c"],
  );
});

test("a full channel leaves the fan-out, and is caught up in every room when it has drained", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  await client.subscribe("lobby", 1);
  client.channel.hasRoom = false;
  await server.hub.sayAndDeliver(1);
  await server.hub.sayAndDeliver(5);
  assert.deepEqual(client.offsets, [1]);
  client.channel.hasRoom = true;
  client.session.drained();
  await server.settle();
  assert.deepEqual(client.offsets, offsets(1, 6));
});

test("a closed session leaves all its rooms, takes nothing more and says nothing more", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  await client.subscribe("lobby", 1, { presence: true, signals: true });
  await client.subscribe("other", 2);
  const sent = client.channel.sent.length;
  client.session.closed();
  client.session.closed();
  await server.hub.sayAndDeliver(1);
  await client.ask({ request: 3, frame: send("hi") });
  server.sessions.pingAll();
  server.sessions.closeAll(new ConfabError("SHUTTING_DOWN", "bye"), 1_000);
  assert.equal(client.channel.sent.length, sent);
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
  assert.equal((await server.hub.engine.state(lobby)).newest, 1, "the frame after the end was not taken");
});

test("everybody is pinged, and told goodbye with how long to stay away before the channel closes", async () => {
  const server = new FrameServer();
  const clients = [new FrameClient(server), new FrameClient(server, "json")];
  await clients[0]?.subscribe("lobby");
  server.sessions.pingAll();
  const reason = new ConfabError("SHUTTING_DOWN", "bye");
  server.sessions.closeAll(reason, 2_500);
  for (const client of clients) {
    assert.equal(client.all("ping").length, 1);
    const [{ value } = assert.fail()] = client.all("goodbye");
    assert.deepEqual([value.reason?.code, value.reconnectWithin?.seconds], ["SHUTTING_DOWN", 2n]);
    assert.equal(client.channel.closedWith, reason);
    assert.equal(client.frames.at(-1)?.frame.case, "goodbye");
  }
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
});

// The refusal put nothing in the page's place, and the page's room was never released.
test("a page that waits for its client gives its room back, whatever was refused meanwhile", async () => {
  const server = new FrameServer();
  await server.hub.sayAndDeliver(5);
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  await client.ask({ request: 1, frame: { case: "history", value: {} } });
  const { work } = client.channel;
  assert.ok(work.counts.replyBytes > 0);
  await client.ask({ request: 2, frame: { case: "history", value: { limit: 1_001 } } });
  assert.deepEqual(client.errors, ["2 INVALID_MESSAGE"]);
  assert.ok(work.counts.replyBytes > 0);
  client.channel.hasRoom = true;
  client.session.drained();
  assert.equal(work.counts.replyBytes, 0);
});

test("a page that could not be made takes no room, though its channel is full", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  const { work } = client.channel;
  server.hub.engine.isSlow = true;
  client.say({ request: 1, frame: { case: "history", value: { after: { epoch: 7, offset: 9n } } } });
  await settled();
  assert.ok(work.counts.replyBytes > 0);
  client.channel.hasRoom = false;
  await client.ask({ request: 2, frame: { case: "unsubscribe", value: { room: "lobby" } } });
  server.hub.engine.isSlow = false;
  server.hub.engine.releaseAll();
  await server.settle();
  assert.deepEqual(client.errors, ["2 NOT_SUBSCRIBED", "1 OUT_OF_RANGE"]);
  assert.equal(work.counts.replyBytes, 0);
});

test("what waits behind a token is not done once the session has closed", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  client.say({ request: 1, frame: { case: "authenticate", value: { token: "t" } } });
  client.say({ request: 2, frame: { case: "subscribe", value: { reader: { room: "lobby" } } } });
  client.session.closed();
  await server.settle();
  assert.equal(client.session.subscriptions.size, 0);
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
});
