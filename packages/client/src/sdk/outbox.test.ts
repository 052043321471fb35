import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { TransportName } from "../link.js";
import { networkFailure } from "../network-failure.js";
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

async function connected(
  options: Partial<ConnectOptions> = {},
  transport: TransportName = "websocket-proto",
  dedupeWindowMs?: number,
) {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  server.dedupeWindowMs = dedupeWindowMs;
  const platform = { transports: [transport] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a", user: "ann", random: () => 0.5, clock, ...options }, platform);
  await settled();
  return { server, clock, client, room: client.room("r") };
}

test("sends without an answer are sent again in their order, with the ids that they had", async () => {
  const { server, clock, room } = await connected();
  const sends = ["1", "2", "3", "4"].map((text) => room.send(text));
  await settled();
  server.sends[1]?.ack();
  await settled();
  server.last.drop();
  // Said while there is no connection: after what was said before.
  sends.push(room.send("5"));
  await clock.pass(5_000);
  assert.deepEqual(server.texts, ["1", "2", "3", "4", "1", "3", "4", "5"]);
  const ids = server.sends.map(({ message }) => message.id);
  assert.deepEqual([ids[4], ids[5], ids[6]], [ids[0], ids[2], ids[3]]);
  assert.equal(new Set(ids).size, 5);
  for (const send of server.sends) send.ack();
  assert.equal((await Promise.all(sends)).length, 5);
});

test("over a transport that may reorder, a room has one send on its way, and rooms do not wait for each other", async () => {
  const { server, client, room } = await connected({}, "connect");
  void room.send("1");
  const second = room.send("2");
  void client.room("other").send("3");
  assert.deepEqual(server.texts, ["1", "3"]);
  server.sends[0]?.ack();
  await settled();
  assert.deepEqual(server.texts, ["1", "3", "2"]);
  server.sends[2]?.ack();
  await second;
});

test("an answer that comes after its connection was given up still counts, once", async () => {
  const { server, clock, client, room } = await connected();
  const send = room.send("1");
  server.last.drop();
  await clock.pass(5_000);
  server.sends[0]?.ack();
  assert.equal((await send).position, "7:1");
  server.sends[1]?.fail(networkFailure("OUTCOME_UNKNOWN", "late"));
  await settled();
  // The failure of the second connection is one all the same.
  assert.equal(client.state.name, "reconnecting");
});

test("what the server puts off is sent again later, with what follows it in the room behind it", async () => {
  const { server, clock, room } = await connected({}, "connect");
  void room.send("1");
  void room.send("2");
  server.sends[0]?.fail(new ConfabError("OVERLOADED", "later", { retryAfterMs: 1_000 }));
  await settled();
  void room.send("3");
  await clock.pass(1_000);
  assert.deepEqual(server.texts, ["1"]);
  await clock.pass(500);
  assert.deepEqual(server.texts, ["1", "1"]);
  assert.equal(server.links.length, 1);
});

test("closing takes back what was put off", async () => {
  const { server, clock, client, room } = await connected();
  const send = room.send("1");
  server.sends[0]?.fail(new ConfabError("OVERLOADED", "later"));
  await settled();
  client.close();
  await assert.rejects(send, { code: "CANCELLED" });
  assert.equal(clock.waiting, 0);
});

test("a final error rejects its own send and lets the next through", async () => {
  const { server, room } = await connected({}, "connect");
  const refused = room.send("1");
  void room.send("2");
  server.sends[0]?.fail(new ConfabError("INVALID_MESSAGE", "no"));
  await assert.rejects(refused, { code: "INVALID_MESSAGE" });
  assert.deepEqual(server.texts, ["1", "2"]);
});

test("a batch has one place in the order, is sent again whole with its ids, and keeps what it expects", async () => {
  const { server, clock, room } = await connected();
  const first = room.send("1");
  const batch = room.sendAll(["2", { text: "3", id: "own", user: "bob" }], { expected: "7:1" });
  const last = room.send("4");
  await settled();
  server.sends[0]?.ack();
  await settled();
  server.last.drop();
  await clock.pass(5_000);
  assert.deepEqual(server.texts, ["1", "2", "4", "2", "4"]);
  const [, once, , again] = server.sends;
  assert.deepEqual(again?.batch, once?.batch);
  assert.equal(once?.batch?.expected, "7:1");
  assert.deepEqual(
    once?.batch?.messages.map(({ user, text, id = "" }) => [user, text, id === "own" || id.length]),
    [
      ["ann", "2", 32],
      ["bob", "3", true],
    ],
  );
  for (const send of server.sends) send.ack();
  assert.deepEqual(
    (await batch).map(({ position }) => position),
    ["7:1", "7:2"],
  );
  await Promise.all([first, last]);
});

test("a batch that expects another position fails at once, and the sends after it go on", async () => {
  const { server, room } = await connected({}, "connect");
  const refused = room.sendAll(["1", "2"], { expected: "7:9" });
  void room.send("3");
  const range = { room: "r", epoch: 7, oldest: 1, newest: 4 };
  server.sends[0]?.fail(new ConfabError("UNEXPECTED_POSITION", "elsewhere", { range }));
  await assert.rejects(refused, { code: "UNEXPECTED_POSITION", facts: { range } });
  assert.deepEqual(server.texts, ["1", "3"]);
});

test("every message of a batch counts for the queue", async () => {
  const { server, room } = await connected({ maxQueuedSends: 3, maxQueuedBytes: 10 });
  const batch = room.sendAll(["12", "34"]);
  await assert.rejects(room.sendAll(["5", "6"]), { code: "TOO_MANY_REQUESTS", message: /maxQueuedSends is 3/ });
  await assert.rejects(room.sendAll(["1234567"]), { code: "TOO_MANY_REQUESTS", message: /4 \+ 7 bytes/ });
  server.sends[0]?.ack();
  await batch;
  void room.sendAll(["5", "6", "7"]);
  assert.deepEqual(server.texts, ["12", "5"]);
});

test("the queue takes as many sends as it may, and no more until one is answered", async () => {
  const { server, room } = await connected({ maxQueuedSends: 2 });
  void room.send("1");
  void room.send("2");
  await assert.rejects(room.send("3"), { code: "TOO_MANY_REQUESTS", message: /maxQueuedSends is 2/ });
  server.sends[0]?.ack();
  await settled();
  void room.send("3");
  assert.deepEqual(server.texts, ["1", "2", "3"]);
});

test("the queue takes as many bytes as it may", async () => {
  const { room } = await connected({ maxQueuedBytes: 10 });
  await assert.rejects(room.send("x".repeat(11)), { code: "TOO_MANY_REQUESTS" });
  void room.send("x".repeat(10));
  await assert.rejects(room.send("é"), { code: "TOO_MANY_REQUESTS", message: /10 \+ 2 bytes, maxQueuedBytes is 10/ });
});

test("a send that has settled leaves no listener on its signal", async () => {
  const { server, room } = await connected();
  const { signal } = new AbortController();
  const sends = [room.send("1", { signal }), room.send("2", { signal })];
  await settled();
  assert.equal(getEventListeners(signal, "abort").length, 1);
  for (const send of server.sends) send.ack();
  await Promise.all(sends);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("a send that is given up rejects at once and is not sent again", async () => {
  const { server, clock, room } = await connected();
  const controller = new AbortController();
  const cancelled = room.send("1", { signal: controller.signal });
  const late = room.send("2", { timeoutMs: 100 });
  controller.abort();
  await assert.rejects(cancelled, { code: "CANCELLED" });
  const isLate = assert.rejects(late, { code: "DEADLINE_EXCEEDED" });
  await clock.pass(100);
  await isLate;
  server.last.drop();
  await clock.pass(5_000);
  assert.deepEqual(server.texts, ["1", "2"]);
  await assert.rejects(room.send("3", { signal: controller.signal }), { code: "CANCELLED" });
});

const windowMs = 60_000;
const away = networkFailure("ENGINE_UNAVAILABLE", "no network");

/** Lose the connection for a while. */
async function beAway(server: FakeServer, clock: ManualClock, ms: number): Promise<void> {
  for (let i = 0; i < 500; i++) server.openErrors.push(away);
  server.last.drop();
  await clock.pass(ms);
  server.openErrors.length = 0;
  await clock.pass(5_000);
}

const quickly = { reconnect: { maxDelayMs: 2_000 }, dedupeWindowMs: windowMs };

test("a send that may have been stored is not repeated past the server's window, and fails with OUTCOME_UNKNOWN", async () => {
  for (const server of ["says its window", "leaves it to the option"]) {
    const saysIt = server === "says its window";
    const {
      server: fake,
      clock,
      room,
    } = await connected(
      saysIt ? { ...quickly, dedupeWindowMs: 3_600_000 } : quickly,
      "websocket-proto",
      saysIt ? windowMs : undefined,
    );
    const sent = assert.rejects(room.send("1"), {
      code: "OUTCOME_UNKNOWN",
      message: /within 60000 ms, the server's dedupe window/,
    });
    await settled();
    fake.last.drop();
    const waiting = [room.send("2"), room.send("3")];
    await beAway(fake, clock, windowMs);
    await sent;
    // What was never on its way is sent however late it is, in its order.
    assert.deepEqual(fake.texts, ["1", "2", "3"], server);
    for (const send of fake.sends.slice(1)) send.ack();
    await Promise.all(waiting);
  }
});

test("a send is repeated within the window, and given up when the window ends", async () => {
  const { server, clock, room } = await connected(quickly);
  const sent = assert.rejects(room.send("1"), { code: "OUTCOME_UNKNOWN" });
  await settled();
  await beAway(server, clock, windowMs - 10_000);
  assert.deepEqual(server.texts, ["1", "1"]);
  const [first, second] = server.sends;
  assert.equal(first?.timeoutMs, 15_000);
  // From 50 to 52 s after the first attempt, whenever the client came back.
  const timeoutMs = second?.timeoutMs ?? 0;
  assert.ok(timeoutMs <= 10_000 && timeoutMs >= 5_000, `${timeoutMs} ms`);
  await clock.pass(10_000);
  second?.fail(networkFailure("DEADLINE_EXCEEDED", "late"));
  await clock.pass(5_000);
  await sent;
  assert.equal(server.texts.length, 2);
});

test("a send that the server answers with OUTCOME_UNKNOWN is repeated until the window ends", async () => {
  const { server, clock, room } = await connected(quickly);
  const sent = assert.rejects(room.send("1"), { code: "OUTCOME_UNKNOWN" });
  for (let answered = 0; answered < 200; ) {
    server.sends[answered]?.fail(new ConfabError("OUTCOME_UNKNOWN", "the disk did not confirm"));
    answered = server.sends.length;
    await clock.pass(1_000);
    if (clock.nowMs() > 2 * windowMs) break;
  }
  await sent;
  assert.ok(server.sends.length > 5);
});

test("a send that was certainly not stored is repeated for as long as it takes", async () => {
  for (const refusal of [new ConfabError("OVERLOADED", "later"), new ConfabError("ENGINE_UNAVAILABLE", "later")]) {
    const { server, clock, room } = await connected(quickly);
    const send = room.send("1");
    for (let answered = 0; clock.nowMs() < 3 * windowMs; ) {
      server.sends[answered]?.fail(refusal);
      answered = server.sends.length;
      await clock.pass(1_000);
    }
    server.sends.at(-1)?.ack();
    await clock.pass(5_000);
    server.sends.at(-1)?.ack();
    assert.equal((await send).id, server.sends[0]?.message.id);
  }
});

test("a refusal does not lengthen the window of an earlier attempt without an answer", async () => {
  const { server, clock, room } = await connected(quickly);
  const sent = assert.rejects(room.send("1"), { code: "OUTCOME_UNKNOWN" });
  await settled();
  await beAway(server, clock, 1_000);
  for (let answered = 1; clock.nowMs() < 2 * windowMs; ) {
    server.sends[answered]?.fail(new ConfabError("OVERLOADED", "later"));
    answered = server.sends.length;
    await clock.pass(1_000);
  }
  await sent;
});

test("what a proxy answers in the server's place does not say that nothing was stored", async () => {
  const { server, clock, room } = await connected(quickly, "connect");
  const sent = assert.rejects(room.send("1"), { code: "OUTCOME_UNKNOWN" });
  for (let answered = 0; clock.nowMs() < 2 * windowMs; ) {
    server.sends[answered]?.fail(new ConfabError("ENGINE_UNAVAILABLE", "the server answered HTTP 502"));
    answered = server.sends.length;
    await clock.pass(1_000);
  }
  await sent;
});

test("the window goes on while the machine sleeps", async () => {
  const { server, clock, room } = await connected(quickly);
  const sent = assert.rejects(room.send("1"), { code: "OUTCOME_UNKNOWN" });
  await settled();
  clock.sleep(windowMs);
  await beAway(server, clock, 1_000);
  await sent;
  assert.deepEqual(server.texts, ["1"]);
});
