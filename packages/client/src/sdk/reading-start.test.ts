import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { networkFailure } from "../network-failure.js";
import { Client } from "./client.js";
import type { Gap, ReadOptions } from "./room-reading.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

/** A client that reads room `r` from its first moment. `events`: what the application and the server see, in order. */
function readingFromTheStart(server: FakeServer, options: ReadOptions = {}) {
  const clock = new ManualClock();
  const events: string[] = [];
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a", random: () => 0.5, clock }, platform);
  client.on("state", ({ name }) => events.push(`${name} after ${server.histories.length} questions`));
  const heard: string[] = [];
  const subscription = client.room("r").subscribe(({ text }) => {
    heard.push(text);
  }, options);
  return { server, clock, client, events, heard, subscription };
}

const outOfRange = (oldest: number, newest: number) =>
  new ConfabError("OUT_OF_RANGE", "trimmed", { range: { room: "r", epoch: 7, oldest, newest } });

test("where reading begins is asked before the client is live, with one small page", async () => {
  const server = new FakeServer();
  server.start = "7:5";
  let answer: () => void = () => undefined;
  server.historyAnswered = new Promise((resolve) => {
    answer = resolve;
  });
  const { events, client, subscription } = readingFromTheStart(server);
  await settled();
  assert.equal(client.state.name, "connecting");
  answer();
  await settled();
  assert.deepEqual(events, ["live after 1 questions"]);
  assert.equal(subscription.position, "7:5");
  assert.deepEqual(server.histories, [{ room: "r", limit: 1 }]);
  assert.deepEqual(server.listens, [{ room: "r", user: undefined, after: "7:5" }]);
  client.close();
});

test("a reading that begins while others are asked for their start is asked for it too", async () => {
  const server = new FakeServer();
  let answer: () => void = () => undefined;
  server.historyAnswered = new Promise((resolve) => {
    answer = resolve;
  });
  const { events, client } = readingFromTheStart(server);
  await settled();
  const second = client.room("s").subscribe(() => undefined);
  await settled();
  answer();
  await settled();
  assert.deepEqual(events, ["live after 2 questions"]);
  assert.equal(second.position, "7:0");
  client.close();
});

// Firefox shows a stream of a quiet room to the page with its first message: every attempt to read began again, and what was
// sent between two of them was lost.
test("what is sent between the client being live and its first stream is received", async () => {
  const server = new FakeServer();
  server.start = "7:5";
  server.listenErrors.push(networkFailure("ENGINE_UNAVAILABLE", "no stream yet"));
  const { clock, heard, client } = readingFromTheStart(server);
  await settled();
  server.start = "7:6";
  await clock.pass(5_000);
  assert.deepEqual(
    server.listens.map(({ after }) => after),
    ["7:5", "7:5"],
  );
  server.last.push(6);
  await settled();
  assert.deepEqual(heard, ["6"]);
  client.close();
});

test("a connection on which the start cannot be asked does not count as live", async () => {
  const server = new FakeServer();
  server.historyErrors.push(networkFailure("ENGINE_UNAVAILABLE", "gone"));
  const { clock, events, client } = readingFromTheStart(server);
  await clock.pass(5_000);
  assert.deepEqual(events, ["reconnecting after 1 questions", "live after 2 questions"]);
  assert.ok(server.links[0]?.isClosed);
  client.close();
});

test("a room whose start is refused ends its own reading and keeps no other from being live", async () => {
  const server = new FakeServer();
  const refused = new ConfabError("PERMISSION_DENIED", "not here");
  server.historyErrors.push(refused, refused);
  const { events, client, subscription } = readingFromTheStart(server);
  assert.equal(await subscription.ended, refused);
  assert.deepEqual(events, ["live after 1 questions"]);
  client.close();
});

test("a reading that begins with the newest messages begins before them, whatever is sent meanwhile", async () => {
  for (const [start, history, after] of [
    ["7:9", 3, "7:6"],
    ["7:2", 3, "7:0"],
    ["7:9", 0, "7:9"],
  ] as const) {
    const server = new FakeServer();
    server.start = start;
    const { client } = readingFromTheStart(server, { history });
    await settled();
    assert.equal(server.listens[0]?.after, after);
    client.close();
  }
});

test("of older messages that are trimmed before reading has begun, the reader gets what there is", async () => {
  const server = new FakeServer();
  server.start = "7:9";
  // All nine are gone, and 10 to 12 have come.
  server.listenErrors.push(outOfRange(10, 12));
  const { client } = readingFromTheStart(server, { history: 5 });
  const gaps: Gap[] = [];
  client.on("gap", (gap) => gaps.push(gap));
  await settled();
  assert.deepEqual(
    server.listens.map(({ after }) => after),
    ["7:4", "7:9"],
  );
  assert.deepEqual(gaps, []);
  client.close();
});

test("a message that came after reading began and is trimmed is a gap", async () => {
  const server = new FakeServer();
  server.start = "7:9";
  server.listenErrors.push(outOfRange(11, 12));
  const { client, subscription } = readingFromTheStart(server, { history: 5 });
  assert.equal(((await subscription.ended) as ConfabError).code, "OUT_OF_RANGE");
  client.close();
});

test("signals alone need no start, and ask for none", async () => {
  const server = new FakeServer();
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a" }, platform);
  const signals = client.room("r").signals()[Symbol.asyncIterator]();
  const next = signals.next();
  await settled();
  assert.deepEqual([server.histories.length, server.listens.length], [0, 1]);
  client.close();
  await next;
});
