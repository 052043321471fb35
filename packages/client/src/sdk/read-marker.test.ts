import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { networkFailure } from "../network-failure.js";
import { Client } from "./client.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

async function marking() {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const platform = {
    transports: ["websocket-proto"] as const,
    openLink: (...args: Parameters<FakeServer["openLink"]>) => server.openLink(...args),
  };
  const client = new Client({ url: "http://a", user: "ann", random: () => 0.5, clock }, platform);
  await settled();
  return { server, clock, client, room: client.room("r") };
}

const markAt = (position: string) => ({ user: "ann", room: "r", position, unread: 0, at: new Date(0) });

test("marks of one turn, and those that come while one is on its way, are told as one: the furthest", async () => {
  const { server, room } = await marking();
  const first = [room.markRead("7:1"), room.markRead("7:3"), room.markRead("7:2")];
  await settled();
  const next = [room.markRead("7:9"), room.markRead("7:4")];
  const other = room.markRead("7:1", { user: "bob" });
  await settled();
  const asked = () => server.marks.map(({ request }) => `${request.user} ${request.room} ${request.position}`);
  assert.deepEqual(asked(), ["ann r 7:3", "bob r 7:1"]);
  server.marks[0]?.resolve(markAt("7:5"));
  await settled();
  assert.deepEqual(asked(), ["ann r 7:3", "bob r 7:1", "ann r 7:9"]);
  for (const { resolve, request } of server.marks) resolve(markAt(request.position));
  const positions = async (marks: typeof first) => (await Promise.all(marks)).map((mark) => mark?.position);
  assert.deepEqual(await positions(first), ["7:5", "7:5", "7:5"]);
  assert.deepEqual(await positions(next), ["7:9", "7:9"]);
  assert.deepEqual(await positions([other]), ["7:1"]);
});

test("without a position the newest message that was given out is marked, and nothing before there is one", async () => {
  const { server, client, room } = await marking();
  assert.equal(await room.markRead(), undefined);
  const given: string[] = [];
  room.subscribe((message) => void given.push(message.text));
  const overheard = room.signals()[Symbol.asyncIterator]();
  void overheard.next();
  await settled();
  // The reader of signals gets messages too, and gives none out.
  for (const [index, { onSignal }] of server.last.hearers.entries())
    server.last.queues[index]?.push(onSignal ? [messageOf("7:8")] : [messageOf("7:1"), messageOf("7:2")], 1);
  await settled();
  assert.deepEqual(given, ["7:1", "7:2"]);
  void client.room("r").markRead();
  await settled();
  assert.deepEqual(
    server.marks.map(({ request }) => request.position),
    ["7:2"],
  );
  server.marks[0]?.resolve(markAt("7:2"));
  client.close();
});

test("a mark is told again after a lost connection, and a refusal is of the mark alone", async () => {
  const { server, clock, room, client } = await marking();
  const marked = room.markRead("7:4");
  await settled();
  server.marks[0]?.reject(networkFailure("OUTCOME_UNKNOWN", "gone"));
  await clock.pass(120_000);
  assert.equal(server.marks.length, 2);
  server.marks[1]?.resolve(markAt("7:4"));
  assert.equal((await marked)?.position, "7:4");
  const [refused, next] = [room.markRead("7:99"), settled().then(() => room.markRead("7:5"))];
  const refusal = assert.rejects(refused, { code: "OUT_OF_RANGE" });
  await settled();
  server.marks[2]?.reject(new ConfabError("OUT_OF_RANGE", "past the end"));
  await refusal;
  await settled();
  server.marks[3]?.resolve(markAt("7:5"));
  assert.equal((await next)?.position, "7:5");
  const open = assert.rejects(room.markRead("7:6"), { code: "CANCELLED" });
  await settled();
  client.close();
  server.marks[4]?.reject(new ConfabError("CANCELLED", "the link is closed"));
  await open;
});

function messageOf(position: string) {
  return { user: "bob", text: position, room: "r", id: position, position, sentAt: new Date(0) };
}
