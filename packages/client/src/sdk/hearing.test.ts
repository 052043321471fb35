import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { IncomingSignal } from "../link.js";
import { Client } from "./client.js";
import type { Presence } from "./presence.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

function connected() {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const client = new Client({ url: "http://a", user: "ann", random: () => 0.5, clock }, platform);
  return { server, clock, client, room: client.room("r") };
}

/** Takes what comes from something to iterate, until it ends. */
function taken<T>(events: AsyncIterable<T>) {
  const got: T[] = [];
  const ended = (async () => {
    for await (const event of events) got.push(event);
  })();
  ended.catch(() => undefined);
  return { got, ended };
}

const typing = (user: string): IncomingSignal => ({ user, room: "r", kind: "typing" });
const change = (user: string, present: boolean, members: number) => ({ room: "r", user, present, members });
const page = (...users: string[]) => ({
  members: users.map((user) => ({ user, connections: 1 })),
  nextPage: "",
  total: users.length,
});

test("signals are heard through a lost connection, by nobody in particular, and nothing missed is read again", async () => {
  const { server, clock, room } = connected();
  const { got } = taken(room.signals());
  await settled();
  server.last.hearers[0]?.onSignal?.(typing("bob"));
  server.last.push(1, 2);
  await settled();
  server.last.drop();
  await clock.pass(5_000);
  server.last.hearers[0]?.onSignal?.(typing("cat"));
  await settled();
  assert.deepEqual(got, [typing("bob"), typing("cat")]);
  const request = { room: "r", user: "", after: undefined };
  assert.deepEqual(server.listens, [request, request]);
  assert.equal(server.last.hearers[0]?.onPresence, undefined);
});

test("the oldest signals are forgotten when more than 1,000 wait to be taken", async () => {
  const { server, room } = connected();
  const signals = room.signals()[Symbol.asyncIterator]();
  const first = signals.next();
  await settled();
  for (let index = 0; index < 1_500; index++) server.last.hearers[0]?.onSignal?.(typing(`${index}`));
  // The one that was waited for was taken with the first turn, and all the others came within the same one.
  assert.deepEqual((await first).value, typing("500"));
  assert.deepEqual((await signals.next()).value, typing("501"));
  await signals.return?.();
});

test("presence begins with who is there, and begins anew after a lost connection", async () => {
  const { server, clock, room } = connected();
  const { got } = taken(room.presence());
  await settled();
  // Between the subscription and the page: told after it, because the page may be older.
  server.last.hearers[0]?.onPresence?.(change("cat", true, 2));
  server.membersAsked[0]?.(page("bob"));
  await settled();
  server.last.hearers[0]?.onPresence?.(change("bob", false, 1));
  await settled();
  server.last.drop();
  await clock.pass(5_000);
  server.membersAsked[1]?.(page("cat", "dan"));
  await settled();
  assert.deepEqual(got, [
    { kind: "members", members: [{ user: "bob", connections: 1 }], total: 1 },
    { kind: "joined", user: "cat", total: 2 },
    { kind: "left", user: "bob", total: 1 },
    { kind: "members", members: page("cat", "dan").members, total: 2 },
  ] satisfies Presence[]);
});

test("a page that too many changes have overtaken is asked for again", async () => {
  const { server, room } = connected();
  const { got } = taken(room.presence());
  await settled();
  for (let index = 0; index < 1_001; index++) server.last.hearers[0]?.onPresence?.(change(`${index}`, true, index));
  server.membersAsked[0]?.(page("old"));
  await settled();
  server.membersAsked[1]?.(page("new"));
  await settled();
  assert.deepEqual(got, [{ kind: "members", members: page("new").members, total: 1 }]);
});

test("presence that nobody takes fails, because a change that is forgotten would never be made good", async () => {
  const { server, room } = connected();
  const presence = room.presence()[Symbol.asyncIterator]();
  const first = presence.next();
  await settled();
  server.membersAsked[0]?.(page());
  await first;
  for (let index = 0; index <= 1_001; index++) server.last.hearers[0]?.onPresence?.(change(`${index}`, true, index));
  await assert.rejects(
    async () => {
      for (;;) if ((await presence.next()).done) return;
    },
    { code: "TOO_MANY_REQUESTS" },
  );
});

test("whoever reads messages hears signals and presence over the same subscription", async () => {
  const { server, room } = connected();
  const heard: unknown[] = [];
  const { unsubscribe } = room.subscribe(({ text }) => void heard.push(text), {
    onSignal: ({ kind }) => heard.push(kind),
    onPresence: ({ kind }) => heard.push(kind),
  });
  await settled();
  server.membersAsked[0]?.(page("bob"));
  await settled();
  server.last.push(1);
  server.last.hearers[0]?.onSignal?.(typing("bob"));
  await settled();
  assert.deepEqual(heard, ["members", "typing", "1"]);
  assert.deepEqual(server.listens, [{ room: "r", user: "ann", after: "7:0" }]);
  unsubscribe();
});

test("hearing ends with its signal, with its loop, and with the client", async () => {
  const { server, client, room } = connected();
  const leaving = new AbortController();
  const [aborted, left, closed] = [
    taken(room.signals({ signal: leaving.signal })),
    room.signals(),
    taken(room.signals()),
  ];
  const iterator = left[Symbol.asyncIterator]();
  const next = iterator.next();
  await settled();
  leaving.abort();
  await aborted.ended;
  server.last.hearers[2]?.onSignal?.(typing("bob"));
  await next;
  await iterator.return?.();
  assert.equal(server.last.hearers[2]?.signal?.aborted, true);
  client.close();
  await closed.ended;
});

test("a transport that tells of no signals fails the hearing, and nothing else", async () => {
  const { server, client, room } = connected();
  server.listenErrors.push(new ConfabError("UNKNOWN_METHOD", "sse does not tell of signals and presence"));
  const { ended } = taken(room.signals());
  await assert.rejects(ended, { code: "UNKNOWN_METHOD" });
  assert.equal(client.state.name, "live");
});
