import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { ChatMessage } from "../link.js";
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";
import type { Gap, ReadOptions } from "./room-reading.js";
import { FakeServer, messageAt } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

async function reading(readOptions: ReadOptions = {}, options: Partial<ConnectOptions> = {}) {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a", random: () => 0.5, clock, ...options }, platform);
  const heard: string[] = [];
  const subscription = client.room("r").subscribe(({ text }) => {
    heard.push(text);
  }, readOptions);
  await settled();
  return { server, clock, client, heard, subscription };
}

const outOfRange = new ConfabError("OUT_OF_RANGE", "trimmed", {
  range: { room: "r", epoch: 9, oldest: 5, newest: 8 },
});

test("reading goes on after the last position, and not from the beginning that it had", async () => {
  const { server, clock, heard } = await reading({ user: "ann" });
  server.last.push(1, 2);
  await settled();
  server.last.drop();
  await clock.pass(5_000);
  server.last.push(3);
  await settled();
  assert.deepEqual(heard, ["1", "2", "3"]);
  assert.deepEqual(server.listens, [
    { room: "r", user: "ann", after: "7:0" },
    { room: "r", user: "ann", after: "7:2" },
  ]);
});

test("after a restore reading goes on in the epoch of now, also where a stream says that only with its first message", async () => {
  for (const isHeadLate of [false, true]) {
    const { server, clock, heard, subscription } = await reading();
    server.last.push(1, 2);
    await settled();
    server.last.drop();
    Object.assign(server, { epoch: 9, isHeadLate });
    await clock.pass(5_000);
    server.last.push(3, 4);
    await settled();
    assert.deepEqual(heard, ["1", "2", "3", "4"]);
    assert.equal(subscription.position, "9:4");
    assert.deepEqual(
      server.listens.map(({ after }) => after),
      ["7:0", "7:2"],
    );
  }
});

test("a silent stream that the server ended is read on at once, without a change of state", async () => {
  const { server, clock, client, heard } = await reading();
  const states: string[] = [];
  client.on("state", ({ name }) => states.push(name));
  server.last.push(1);
  for (let round = 0; round < 3; round++) {
    await settled();
    server.last.queues.at(-1)?.finish(new ConfabError("IDLE_STREAM", "nothing was sent", { retryAfterMs: 0 }));
  }
  await settled();
  server.last.push(2);
  await settled();
  assert.deepEqual(heard, ["1", "2"]);
  assert.deepEqual(
    server.listens.map(({ after }) => after),
    ["7:0", "7:1", "7:1", "7:1"],
  );
  assert.deepEqual([states, server.links.length], [[], 1]);
  server.last.queues.at(-1)?.finish(new ConfabError("IDLE_STREAM", "nothing was sent", { retryAfterMs: 100 }));
  await settled();
  assert.equal(server.listens.length, 4, "unless the server asks to wait");
  await clock.pass(100);
  assert.equal(server.listens.length, 5);
});

test("a room that was empty is resumed from the position that the server gave", async () => {
  const { server, clock } = await reading();
  server.last.drop();
  await clock.pass(5_000);
  assert.equal(server.listens[1]?.after, "7:0");
});

test("the position has moved on when a message is given out (centrifuge-js#425)", async () => {
  const server = new FakeServer();
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a" }, platform);
  const seen: (string | undefined)[] = [];
  const subscription = client.room("r").subscribe(() => {
    seen.push(subscription.position);
  });
  await settled();
  server.last.push(1, 2);
  await settled();
  assert.deepEqual(seen, ["7:1", "7:2"]);
  client.close();
});

test("a message that was given out before is dropped", async () => {
  const { server, heard } = await reading();
  server.last.push(1, 2, 1, 2, 3);
  await settled();
  assert.deepEqual(heard, ["1", "2", "3"]);
});

test("a reading of changes gives nothing out after a hole before the hole is filled", async () => {
  const { server, clock, heard } = await reading({ changes: true });
  server.last.push(1, 3);
  await settled();
  assert.deepEqual(heard, ["1"]);
  await clock.pass(5_000);
  assert.equal(server.listens[1]?.after, "7:1");
  server.last.push(2, 3);
  await settled();
  assert.deepEqual(heard, ["1", "2", "3"]);
});

test("a reading of messages takes offsets that are left out for changes", async () => {
  const { server, clock, heard } = await reading();
  server.last.push(1, 3, 2, 3, 9);
  await clock.pass(5_000);
  assert.deepEqual(heard, ["1", "3", "9"]);
  assert.equal(server.listens.length, 1);
});

test("a message of another epoch is a hole", async () => {
  const { server, clock, heard } = await reading();
  server.last.push(1);
  for (const queue of server.last.queues) queue.push([messageAt(2, 8)], 1);
  await clock.pass(5_000);
  assert.deepEqual(heard, ["1"]);
  assert.equal(server.listens[1]?.after, "7:1");
});

test("a server that skips the same message again and again is told off by a reading of changes", async () => {
  const { server, clock, subscription } = await reading({ changes: true });
  for (let attempt = 0; attempt < 5; attempt++) {
    server.last.push(2);
    await clock.pass(60_000);
  }
  assert.match(String(await subscription.ended), /after 7:0 the server sent 7:2/);
});

test("OUT_OF_RANGE ends the reading with what the server has", async () => {
  const { server, clock, subscription } = await reading();
  server.listenErrors.push(outOfRange);
  server.last.drop();
  await clock.pass(5_000);
  const error = (await subscription.ended) as ConfabError;
  assert.deepEqual([error.code, error.facts.range], ["OUT_OF_RANGE", outOfRange.facts.range]);
});

for (const [onGap, resumesAfter] of [
  ["oldest", "9:4"],
  ["newest", "9:8"],
] as const) {
  test(`with onGap ${onGap} reading goes on after ${resumesAfter}, and the gap is told first`, async () => {
    const { server, client, clock } = await reading({ after: "7:3", onGap });
    const gaps: Gap[] = [];
    client.on("gap", (gap) => gaps.push(gap));
    server.listenErrors.push(outOfRange);
    server.last.drop();
    await clock.pass(5_000);
    assert.deepEqual(gaps, [{ room: "r", after: "7:3", resumesAfter, error: outOfRange }]);
    assert.equal(server.listens.at(-1)?.after, resumesAfter);
    client.close();
  });
}

test("a reading that the server refuses ends, and others go on", async () => {
  const { server, client, heard } = await reading();
  server.listenErrors.push(new ConfabError("PERMISSION_DENIED", "not here"));
  const { ended } = client.room("secret").subscribe(() => undefined);
  assert.equal(((await ended) as ConfabError).code, "PERMISSION_DENIED");
  server.last.push(1);
  await settled();
  assert.deepEqual(heard, ["1"]);
});

test("a reading that the server puts off is tried again on the same connection", async () => {
  const { server, clock, client } = await reading();
  server.listenErrors.push(new ConfabError("OVERLOADED", "later"));
  client.room("busy").subscribe(() => undefined);
  await clock.pass(5_000);
  assert.deepEqual([server.listens.length, server.links.length], [3, 1]);
});

test("closing ends a reading that waits to be tried again", async () => {
  const { server, clock, client } = await reading();
  server.listenErrors.push(new ConfabError("OVERLOADED", "later"));
  const { ended } = client.room("busy").subscribe(() => undefined);
  await settled();
  assert.equal(clock.waiting, 1);
  client.close();
  assert.equal(await ended, undefined);
  assert.equal(clock.waiting, 0);
});

test("a loop that is not iterated further keeps no timer, once its client is closed or its connection lost", async () => {
  const { server, clock, client } = await reading({}, { transport: "sse" });
  const loop = client.room("r").messages()[Symbol.asyncIterator]();
  const first = loop.next();
  await settled();
  server.last.push(1);
  await first;
  const before = clock.waiting;
  assert.ok(before > 0);
  server.last.drop();
  await clock.pass(60_000);
  assert.equal(clock.waiting, before - 1);
  client.close();
  assert.equal(clock.waiting, 0);
});

test("a handler that throws ends its reading with its error", async () => {
  const server = new FakeServer();
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a" }, platform);
  const { ended } = client.room("r").subscribe(() => {
    throw new Error("mine");
  });
  await settled();
  server.last.push(1);
  assert.equal(String(await ended), "Error: mine");
  client.close();
});

test("an iteration ends when its signal aborts, and when the client is closed", async () => {
  const { server, client } = await reading();
  const controller = new AbortController();
  const all = async (messages: AsyncIterable<ChatMessage>) => {
    const texts: string[] = [];
    for await (const { text } of messages) texts.push(text);
    return texts;
  };
  const [first, second] = [
    all(client.room("r").messages({ signal: controller.signal })),
    all(client.room("r").messages()),
  ];
  await settled();
  server.last.push(1);
  await settled();
  controller.abort();
  server.last.queues[1]?.finish();
  assert.deepEqual(await first, ["1"]);
  client.close();
  assert.deepEqual(await second, ["1"]);
});

test("a message that is on its way when the application unsubscribes is after the position", async () => {
  for (let turns = 0; turns < 40; turns++) {
    const { server, heard, subscription } = await reading();
    server.last.push(1, 2, 3);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const before = [`7:${heard.length}`, subscription.position];
    subscription.unsubscribe();
    await settled();
    const after = [`7:${heard.length}`, subscription.position];
    assert.deepEqual([before[1], after[1]], [before[0], after[0]], `after ${turns} turns`);
  }
});
