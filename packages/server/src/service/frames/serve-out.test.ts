import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { FrameClient, FrameServer } from "../../testing/fake-channel.js";
import { settled } from "../../testing/manual-turns.js";
import { type lobby, offsets } from "../../testing/test-hub.js";
import { serveOut } from "./serve-out.js";

// A client that says all it has to say at once and half-closes, as `buf curl -d` and Python's `iter([...])` do: it was told
// "subscribed", and then OK before any message.

/** Half-close, and note when that is over: then the stream ends, and nothing more is sent on it. */
function halfClose(client: FrameClient): { readonly outcome: () => string } {
  let outcome = "waits";
  serveOut(client.session).then(
    () => {
      outcome = "done";
      client.session.closed();
    },
    (thrown: unknown) => {
      outcome = thrown instanceof ConfabError ? thrown.code : String(thrown);
    },
  );
  return { outcome: () => outcome };
}

const subscribe = (
  reader: { room?: string; history?: number; after?: { epoch: number; offset: bigint } },
  request = 1,
) => ({ request, frame: { case: "subscribe", value: { reader } } }) as const;
const send = (text: string, request = 0) =>
  ({ request, frame: { case: "send", value: { user: "ann", text } } }) as const;

test("a client without requests is done at once, one with requests when each is answered", async () => {
  const server = new FrameServer();
  const idle = halfClose(new FrameClient(server));
  await settled();
  assert.equal(idle.outcome(), "done");
  const client = new FrameClient(server);
  server.hub.engine.isSlow = true;
  client.say(send("one", 1));
  client.say({ request: 2, frame: { case: "history", value: {} } });
  const asking = halfClose(client);
  await settled();
  server.hub.engine.releaseOne();
  await settled();
  assert.equal(asking.outcome(), "waits");
  server.hub.engine.releaseAll();
  await settled();
  server.hub.engine.releaseAll();
  await settled();
  assert.deepEqual([asking.outcome(), client.all("ack").length, client.all("history").length], ["done", 1, 1]);
});

test("the history that a subscription begins with is delivered first, however many pages it takes", async () => {
  const server = new FrameServer();
  await server.hub.say(900);
  const client = new FrameClient(server);
  client.say(subscribe({ history: 700 }));
  const { outcome } = halfClose(client);
  await settled();
  assert.equal(outcome(), "waits");
  await server.settle();
  assert.deepEqual([outcome(), client.offsets], ["done", offsets(201, 900)]);
});

test("so is what a position was behind, and in each of several rooms", async () => {
  const server = new FrameServer();
  await server.hub.say(5);
  await server.hub.say(3, "other" as typeof lobby);
  const client = new FrameClient(server);
  client.say(subscribe({ after: { epoch: 7, offset: 2n } }));
  client.say(subscribe({ room: "other", history: 2 }, 2));
  client.say(subscribe({ room: "empty", history: 2 }, 3));
  const { outcome } = halfClose(client);
  await server.settle();
  assert.equal(outcome(), "done");
  assert.deepEqual([...client.offsets].sort(), [2, 3, 3, 4, 5]);
});

test("a client's own messages are delivered to it too, as soon as the bus brings them", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  client.say(subscribe({}));
  await server.settle();
  client.say(send("one", 2));
  client.say(send("two", 3));
  const { outcome } = halfClose(client);
  await server.hub.turns.untilIdle();
  assert.deepEqual([outcome(), client.all("ack").length], ["waits", 2]);
  server.hub.engine.deliver();
  await server.settle();
  assert.deepEqual([outcome(), client.offsets], ["done", [1, 2]]);
});

test("what is sent after the last answer is not waited for: a busy room would never let the client go", async () => {
  const server = new FrameServer();
  await server.hub.say(3);
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  client.say(subscribe({ history: 3 }));
  const { outcome } = halfClose(client);
  await server.settle();
  assert.deepEqual([outcome(), client.offsets], ["done", [1, 2, 3]]);
  await server.hub.sayAndDeliver(2);
  assert.deepEqual(client.offsets, [1, 2, 3]);
});

test("a client that reads slowly is waited for", async () => {
  const server = new FrameServer();
  await server.hub.say(600);
  const client = new FrameClient(server);
  client.channel.hasRoom = false;
  client.say(subscribe({ history: 600 }));
  const { outcome } = halfClose(client);
  for (let reads = 0; outcome() === "waits"; reads++) {
    assert.ok(reads < 10);
    await server.settle();
    client.session.drained();
  }
  assert.deepEqual(client.offsets, offsets(1, 600));
});

test("a client that goes away, and a room that ends, are not waited for", async () => {
  for (const end of ["client", "room"] as const) {
    const server = new FrameServer();
    await server.hub.say(600);
    const client = new FrameClient(server);
    client.channel.hasRoom = false;
    client.say(subscribe({ history: 600 }));
    const { outcome } = halfClose(client);
    await server.settle();
    assert.equal(outcome(), "waits");
    if (end === "client") client.session.closed();
    else server.hub.hub.close(new ConfabError("SHUTTING_DOWN", "bye"));
    await settled();
    assert.deepEqual([outcome(), client.all("unsubscribed").length], ["done", end === "client" ? 0 : 1]);
  }
});

test("ENGINE_UNAVAILABLE when it cannot be found out what the rooms hold", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  await client.subscribe("lobby");
  const error = new ConfabError("ENGINE_UNAVAILABLE", "gone");
  server.hub.engine.state = () => Promise.reject(error);
  const { outcome } = halfClose(client);
  await settled();
  assert.equal(outcome(), "ENGINE_UNAVAILABLE");
});

test("changes that a reader of messages passes over are waited for, and nothing is written for them", async () => {
  const server = new FrameServer();
  await server.hub.say(2);
  const position = { epoch: 7, offset: 1n };
  const changes = new FrameClient(server);
  const react = { case: "react", value: { user: "ann", position, emoji: "+1" } } as const;
  for (let count = 1; count <= 300; count++) await changes.ask({ request: count, frame: react });
  const client = new FrameClient(server);
  client.say(subscribe({ after: position }));
  const { outcome } = halfClose(client);
  await server.settle();
  assert.deepEqual([outcome(), client.offsets], ["done", [2]]);
  // The same where they come while the reader is live.
  const live = new FrameClient(server);
  live.say(subscribe({ after: { epoch: 7, offset: 302n } }));
  await server.settle();
  await changes.ask({ request: 301, frame: react });
  const waiting = halfClose(live);
  await settled();
  server.hub.engine.deliver();
  await server.settle();
  assert.deepEqual([waiting.outcome(), live.offsets], ["done", []]);
});
