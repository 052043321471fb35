import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameClient, FrameServer } from "../../testing/fake-channel.js";
import { settled } from "../../testing/manual-turns.js";
import { lobby, offsets } from "../../testing/test-hub.js";

const subscribe = (room: string) => ({ case: "subscribe" as const, value: { reader: { room } } });
const unsubscribe = (room: string) => ({ case: "unsubscribe" as const, value: { room } });

for (const format of ["proto", "json"] as const) {
  test(`${format}: subscribe, messages, unsubscribe, each answered by its request`, async () => {
    const server = new FrameServer();
    const client = new FrameClient(server, format);
    await server.hub.sayAndDeliver(3);
    await client.subscribe("", 5);
    const [{ request, value } = assert.fail()] = client.all("subscribed");
    assert.deepEqual([request, value.room, Number(value.position?.offset), value.recovered], [5, "lobby", 3, false]);
    await server.hub.sayAndDeliver(2);
    assert.deepEqual(client.offsets, [4, 5]);
    await client.ask({ request: 6, frame: unsubscribe("lobby") });
    assert.deepEqual(
      client.all("unsubscribed").map(({ request, value }) => [request, value.room, value.reason]),
      [[6, "lobby", undefined]],
    );
    await server.hub.sayAndDeliver(1);
    assert.deepEqual(client.offsets, [4, 5]);
  });

  test(`${format}: a resume is answered before what was missed, and says that nothing is missing`, async () => {
    const server = new FrameServer();
    await server.hub.sayAndDeliver(5);
    const client = new FrameClient(server, format);
    const reader = { room: "lobby", after: { epoch: 7, offset: 2n } };
    await client.ask({ request: 1, frame: { case: "subscribe", value: { reader } } });
    assert.deepEqual(
      client.frames.map(({ frame }) => frame.case),
      ["welcome", "subscribed", "messages"],
    );
    assert.ok(client.all("subscribed")[0]?.value.recovered);
    assert.deepEqual(client.offsets, [3, 4, 5]);
  });

  test(`${format}: a batch is answered with an acknowledgement for each message, or with one error`, async () => {
    const server = new FrameServer();
    const client = new FrameClient(server, format);
    const sendAll = (offset: bigint, request: number) => {
      const messages = ["1", "2"].map((text) => ({ user: "ann", text, id: `${request} ${text}`.replace(" ", "-") }));
      const value = { messages, expected: { epoch: 7, offset } };
      return client.ask({ request, frame: { case: "sendAll", value } });
    };
    await sendAll(0n, 3);
    await sendAll(1n, 4);
    await sendAll(2n, 0);
    assert.deepEqual(
      client.all("acks").map(({ request, value }) => [request, value.acks.map(({ id }) => id)]),
      [[3, ["3-1", "3-2"]]],
    );
    assert.deepEqual(client.errors, ["4 UNEXPECTED_POSITION"]);
    assert.equal((await server.hub.engine.state(lobby)).newest, 4);
  });

  test(`${format}: history comes as a page with its ends`, async () => {
    const server = new FrameServer();
    await server.hub.sayAndDeliver(5);
    const client = new FrameClient(server, format);
    await client.ask({ request: 9, frame: { case: "history", value: { limit: 2 } } });
    const [{ request, value } = assert.fail()] = client.all("history");
    assert.deepEqual(
      [request, value.more, Number(value.oldest?.offset), Number(value.newest?.offset)],
      [9, true, 1, 5],
    );
    assert.deepEqual(
      value.messages.map(({ position, user, text }) => [Number(position?.offset), user, text]),
      [
        [4, "ann", "hi"],
        [5, "ann", "hi"],
      ],
    );
  });

  test(`${format}: pages with many changes to pass over are answered one after the other`, async () => {
    const server = new FrameServer();
    await server.hub.sayAndDeliver(1);
    const share = { begin: () => undefined, spend: () => undefined };
    const reaction = { change: { kind: "reaction", emoji: "+1", removed: false }, text: "", share } as const;
    const of = { room: lobby, position: { epoch: 7, offset: 1 }, id: "", refusalFor: () => undefined };
    for (let at = 0; at < 1_200; at++) await server.hub.hub.change({ ...of, ...reaction, user: `u${at}` });
    const client = new FrameClient(server, format);
    const asked = { case: "history", value: { limit: 2 } } as const;
    await Promise.all([1, 2, 3].map((request) => client.ask({ request, frame: asked })));
    for (let turn = 0; turn < 50; turn++) await settled();
    assert.deepEqual(
      client.all("history").map(({ request, value }) => [request, value.messages.length]),
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
    );
  });

  test(`${format}: signals reach who asked for them, with position and payload`, async () => {
    const server = new FrameServer();
    const [sender, asked, other] = [0, 1, 2].map(() => new FrameClient(server, format));
    assert.ok(sender && asked && other);
    await asked.subscribe("lobby", 1, { signals: true });
    await other.subscribe("lobby", 1);
    const value = {
      user: "ann",
      kind: "read",
      position: { epoch: 7, offset: 3n },
      payload: { typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: Uint8Array.of(0x0a, 1, 0x72) },
    };
    await sender.ask({ request: 4, frame: { case: "signal", value } });
    assert.deepEqual(
      sender.all("done").map(({ request }) => request),
      [4],
    );
    const [signal] = asked.all("signal");
    assert.deepEqual([signal?.request, signal?.value.user, signal?.value.room], [0, "ann", "lobby"]);
    assert.deepEqual(signal?.value.payload?.value, value.payload.value);
    assert.equal(other.all("signal").length, 0);
  });

  test(`${format}: presence reaches who asked for it`, async () => {
    const server = new FrameServer();
    const [watcher, other, member] = [0, 1, 2].map(() => new FrameClient(server, format));
    assert.ok(watcher && other && member);
    await watcher.subscribe("lobby", 1, { presence: true, name: "ann" });
    await other.subscribe("lobby", 1);
    await member.subscribe("lobby", 1, { name: "bob" });
    await member.subscribe("other", 2, { name: "bob" });
    member.session.closed();
    await server.settle();
    assert.deepEqual(
      watcher.all("presence").map(({ value }) => [value.room, value.user, value.present, value.members]),
      [
        ["lobby", "bob", true, 2],
        ["lobby", "bob", false, 1],
      ],
    );
    assert.equal(other.all("presence").length, 0);
  });
}

test("authenticate is done, pong is nothing, and an empty frame is refused by name", async () => {
  const client = new FrameClient(new FrameServer());
  await client.ask({ request: 1, frame: { case: "authenticate", value: { token: "t" } } });
  await client.ask({ request: 2, frame: { case: "pong", value: {} } });
  await client.ask({ request: 3 });
  await client.ask({ request: 4, frame: { case: "authenticate", value: { token: "t".repeat(8_193) } } });
  assert.deepEqual(
    client.all("done").map(({ request }) => request),
    [1],
  );
  assert.deepEqual(client.errors, ["3 INVALID_MESSAGE", "4 INVALID_MESSAGE"]);
});

const refused = [
  ["a send without a user", { case: "send", value: { text: "hi" } }, "INVALID_MESSAGE"],
  [
    "a send larger than the bound",
    { case: "send", value: { user: "a", text: "x".repeat(70_000) } },
    "PAYLOAD_TOO_LARGE",
  ],
  [
    "a payload that is not of its type",
    { case: "send", value: { user: "a", payload: { typeUrl: "x/confab.v1.Position", value: Uint8Array.of(0x0d) } } },
    "MALFORMED_MESSAGE",
  ],
  ["a room that cannot be", { case: "subscribe", value: { reader: { room: "/" } } }, "INVALID_MESSAGE"],
  [
    "after and history at once",
    { case: "subscribe", value: { reader: { after: { epoch: 7 }, history: 1 } } },
    "INVALID_MESSAGE",
  ],
  ["a position of another epoch", { case: "subscribe", value: { reader: { after: { epoch: 1 } } } }, "OUT_OF_RANGE"],
  ["an unsubscribe from a room that is not read", { case: "unsubscribe", value: { room: "x" } }, "NOT_SUBSCRIBED"],
  ["an unsubscribe from a room that cannot be", { case: "unsubscribe", value: { room: "/" } }, "INVALID_MESSAGE"],
  ["a page of too many", { case: "history", value: { limit: 1_001 } }, "INVALID_MESSAGE"],
  ["a page past the end", { case: "history", value: { after: { epoch: 7, offset: 9n } } }, "OUT_OF_RANGE"],
  ["a signal of no kind", { case: "signal", value: { user: "a" } }, "INVALID_MESSAGE"],
] as const;

for (const [what, frame, code] of refused) {
  test(`${code} for ${what}, and the session goes on`, async () => {
    const client = new FrameClient(new FrameServer());
    await client.ask({ request: 8, frame });
    await client.ask({ request: 9, frame: { case: "history", value: {} } });
    assert.deepEqual([client.errors, client.all("history").length], [[`8 ${code}`], 1]);
  });
}

test("ALREADY_SUBSCRIBED for a second subscription to a room, also while the first is being opened", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  client.say({ request: 1, frame: subscribe("lobby") });
  client.say({ request: 2, frame: subscribe("") });
  await server.settle();
  await client.subscribe("lobby", 3);
  assert.deepEqual(client.errors, ["2 ALREADY_SUBSCRIBED", "3 ALREADY_SUBSCRIBED"]);
  await server.hub.sayAndDeliver(1);
  assert.deepEqual(client.offsets, [1]);
});

test("TOO_MANY_SUBSCRIPTIONS above maxRoomsPerConnection, and room again after an unsubscribe", async () => {
  const client = new FrameClient(new FrameServer({ maxRoomsPerConnection: 2 }));
  await client.subscribe("a", 1);
  await client.subscribe("b", 2);
  await client.subscribe("c", 3);
  await client.ask({ request: 4, frame: unsubscribe("a") });
  await client.subscribe("c", 5);
  assert.deepEqual(client.errors, ["3 TOO_MANY_SUBSCRIPTIONS"]);
  assert.deepEqual(
    client.all("subscribed").map(({ request }) => request),
    [1, 2, 5],
  );
});

test("a subscription that was refused may be asked for again", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  await client.ask({
    request: 1,
    frame: { case: "subscribe", value: { reader: { after: { epoch: 1, offset: 1n } } } },
  });
  await client.subscribe("lobby", 2);
  await server.hub.sayAndDeliver(1);
  assert.deepEqual([client.errors, client.offsets], [["1 OUT_OF_RANGE"], [1]]);
});

test("a room unsubscribed while it is being opened stays unsubscribed, and both requests are answered", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  server.hub.engine.isSlow = true;
  client.say({ request: 1, frame: subscribe("lobby") });
  client.say({ request: 2, frame: unsubscribe("lobby") });
  await open(server);
  assert.deepEqual(
    client.all("unsubscribed").map(({ request }) => request),
    [2],
  );
  assert.deepEqual(client.errors, ["1 CANCELLED"]);
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
});

// The first opening found the second one's mark, took it for its own, and the second was closed without an answer.
test("a room unsubscribed and subscribed again while it is being opened is read once, by the second request", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  server.hub.engine.isSlow = true;
  client.say({ request: 1, frame: subscribe("lobby") });
  client.say({ request: 2, frame: unsubscribe("lobby") });
  client.say({ request: 3, frame: subscribe("lobby") });
  await open(server);
  assert.deepEqual(
    client.all("subscribed").map(({ request }) => request),
    [3],
  );
  assert.deepEqual(client.errors, ["1 CANCELLED"]);
  await server.hub.sayAndDeliver(2);
  assert.deepEqual(client.offsets, offsets(1, 2));
  await client.ask({ request: 4, frame: unsubscribe("lobby") });
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
});

test("a connection that closes while a room is being opened leaves nothing behind", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  server.hub.engine.isSlow = true;
  client.say({ request: 1, frame: subscribe("lobby") });
  client.session.closed();
  await open(server);
  assert.equal(server.hub.hub.roomInUse(lobby), undefined);
  assert.equal(server.hub.engine.watchersOf(lobby), 0);
  assert.equal(client.channel.sent.length, 1, "the welcome");
});

test("a subscription the server ends is told why, and may be made again", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  await client.subscribe("lobby");
  client.channel.hasRoom = false;
  await server.hub.sayAndDeliver(1);
  await server.hub.sayAndDeliver(1_000);
  server.hub.engine.trim(lobby, 500);
  client.channel.hasRoom = true;
  client.session.drained();
  await server.settle();
  const [{ request, value } = assert.fail()] = client.all("unsubscribed");
  assert.deepEqual([request, value.room, value.reason?.code], [0, "lobby", "OUT_OF_RANGE"]);
  assert.equal(value.reason?.details.length, 2);
  await client.subscribe("lobby", 2);
  assert.equal(client.all("subscribed").length, 2);
});

test("a bug is INTERNAL to the client without its text, and reported in full", async () => {
  const server = new FrameServer();
  const client = new FrameClient(server);
  server.hub.engine.readBackward = () => Promise.reject(new Error("secret"));
  await client.ask({ request: 1, frame: { case: "history", value: {} } });
  await settled();
  assert.deepEqual(client.errors, ["1 INTERNAL"]);
  assert.ok(!client.channel.sent.some((bytes) => Buffer.from(bytes).includes("secret")));
  assert.equal(server.reported.length, 1);
});

async function open(server: FrameServer): Promise<void> {
  await settled();
  server.hub.engine.isSlow = false;
  server.hub.engine.releaseAll();
  await server.settle();
}
