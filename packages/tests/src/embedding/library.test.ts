import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, fold } from "@confab/client/node";
import { ConfabError, ConfigError, createConfab } from "@confab/server";
import type { EngineDeps, RoomId } from "@confab/server/engine";
import { MemoryEngine } from "@confab/server/testing/memory-engine";
import { confabFor } from "./testing.js";

const codeOf = (code: string) => (error: unknown) => error instanceof ConfabError && error.code === code;

test("an unknown option is named", async () => {
  const options = { limit: {} } as object;
  await assert.rejects(
    createConfab(options),
    (error) => error instanceof ConfigError && /"limit".* limits/.test(error.message),
  );
});

test("the program talks with clients: what it sends they read, and what they send it reads", async (t) => {
  const confab = await confabFor(t);
  const { url } = await confab.listen();
  const client = connect({ url, user: "ann" });
  t.after(() => client.close());

  const lobby = confab.room("lobby");
  const messages = await lobby.messages();
  const stored = await lobby.send({ user: "clock", text: "noon", id: "noon-1" });
  assert.equal(stored.duplicate, false);
  assert.ok(Math.abs(Date.now() - stored.sentAt.getTime()) < 60_000);
  const again = await confab.send("lobby", { user: "clock", text: "noon", id: "noon-1" });
  assert.deepEqual(again, { ...stored, duplicate: true });
  await client.room("lobby").send({ text: "hello" });

  const [first, second] = [(await messages.next()).value, (await messages.next()).value];
  assert.deepEqual(
    [first?.user, first?.text, first?.id, first?.position],
    ["clock", "noon", "noon-1", stored.position],
  );
  assert.deepEqual([second?.user, second?.text, second?.room], ["ann", "hello", "lobby"]);
  assert.deepEqual(await messages.return?.(), { done: true, value: undefined });

  const page = await lobby.history({ limit: 1 });
  assert.deepEqual([page.hasMore, page.messages], [true, [second]]);
  assert.deepEqual((await lobby.history({ after: stored.position })).messages, [second]);
  assert.deepEqual((await lobby.history({ before: second?.position ?? "" })).messages, [first]);
  const resumed = await confab.subscribe("lobby", { after: stored.position });
  assert.deepEqual((await resumed.next()).value, second);
});

test("members and signals reach the program, and its signals reach clients", async (t) => {
  const confab = await confabFor(t);
  const { url } = await confab.listen();
  const client = connect({ url, user: "ann" });
  t.after(() => client.close());
  const room = client.room("team");
  const reading = room.subscribe(() => undefined);
  t.after(() => reading.unsubscribe());
  const signals = room.signals()[Symbol.asyncIterator]();
  const received = signals.next();
  while ((await confab.room("team").members()).total === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { members, total, nextPage } = await confab.room("team").members();
  assert.deepEqual([members.map(({ user }) => user), total, nextPage], [["ann"], 1, ""]);
  // A signal that comes before the client listens is lost, as it may be.
  const again = setInterval(() => void confab.room("team").signal({ user: "bot", kind: "typing" }), 200);
  t.after(() => clearInterval(again));
  assert.equal((await received).value?.kind, "typing");
  await signals.return?.();
});

test("with a filter the program reads what passes", async (t) => {
  const confab = await confabFor(t);
  const room = confab.room("lobby");
  const payload = { typeUrl: "type.googleapis.com/acme.Order", value: Uint8Array.of() };
  const said = [
    { user: "ann", text: "one" },
    { user: "bob", text: "two", payload },
    { user: "ann", text: "three", payload },
  ];
  for (const message of said) await room.send(message);
  const filter = { users: ["ann"], payloadTypes: ["acme.Order"] };
  const messages = await confab.subscribe("lobby", { history: 10, filter });
  for (const message of said) await room.send(message);
  const texts = [(await messages.next()).value?.text, (await messages.next()).value?.text];
  const page = await room.history({ filter: { users: ["bob"] } });
  assert.deepEqual(
    [texts, page.messages.map(({ text }) => text)],
    [
      ["three", "three"],
      ["two", "two"],
    ],
  );
  for (const wrong of [null, "ann", { user: ["ann"] }, { users: "ann" }, { users: [7] }, { payloadTypes: ["a..b"] }])
    await assert.rejects(room.messages({ filter: wrong as never }), codeOf("INVALID_MESSAGE"), JSON.stringify(wrong));
});

test("its requests are checked as those of clients are", async (t) => {
  const confab = await confabFor(t);
  const room = confab.room("lobby");
  await assert.rejects(room.send({ user: "", text: "x" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(confab.room("a b").send({ user: "ann", text: "x" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.messages({ after: "nonsense" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.messages({ history: 1_001 }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.history({ after: "77:1" }), codeOf("OUT_OF_RANGE"));
  await assert.rejects(room.signal({ user: "ann", kind: "" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.members({ limit: -1 }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(confab.admin.erase("lobby", "nonsense"), codeOf("INVALID_MESSAGE"));
});

test("a message is erased, and what waits of it nowhere is given out", async (t) => {
  const confab = await confabFor(t);
  const { position } = await confab.send("lobby", { user: "ann", text: "secret" });
  await confab.admin.erase("lobby", position);
  const [message] = (await confab.room("lobby").history()).messages;
  assert.deepEqual([message?.text, message?.deleted, message?.position], ["", true, position]);
});

test("rooms are deleted and kept to bounds, and users are erased", async (t) => {
  const confab = await confabFor(t);
  const send = (text: string) => confab.send("team", { user: "ann", text });
  const none = { maxMessages: undefined, maxAgeMs: undefined, maxBytes: undefined };
  await assert.rejects(confab.admin.setRetention("team", { maxMessages: 1 }), codeOf("OUT_OF_RANGE"));
  await send("1");
  const effective = await confab.admin.setRetention("team", { maxMessages: 2, maxAgeMs: 60_000 });
  assert.deepEqual([effective.maxMessages, effective.maxAgeMs], [2, 60_000]);
  await assert.rejects(confab.admin.setRetention("team", { maxAgeMs: 0 }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(confab.admin.setRetention("team", { maxMessages: -1 }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(confab.admin.setRetention("team", { maxMessages: 1.5 }), codeOf("INVALID_MESSAGE"));
  for (const text of ["2", "3"]) await send(text);
  assert.deepEqual((await confab.admin.retention("team")).own, { ...none, maxMessages: 2, maxAgeMs: 60_000 });
  assert.deepEqual(await confab.admin.eraseUser("ann"), { messages: 2, changes: 0, rooms: 1, unreadable: 0 });
  assert.equal(await confab.admin.deleteRoom("team"), 2);
  assert.equal(await confab.admin.deleteRoom("team"), 0);
});

test("a message is published to many rooms, but where the hook refuses it", async (t) => {
  const seen: string[] = [];
  const confab = await confabFor(t, {
    hooks: {
      send: ({ room, text }) => {
        seen.push(room);
        if (room === "b") return { refuse: "not here" };
        return { text: `${text}!` };
      },
    },
  });
  const published = await confab.admin.publish(["c", "b", "a"], { user: "bot", text: "hi", id: "1" });
  assert.deepEqual(
    published.map(({ room, stored, error }) => [room, stored?.position.split(":")[1], error?.code]),
    [
      ["c", "1", undefined],
      ["b", undefined, "HOOK_REFUSED"],
      ["a", "1", undefined],
    ],
  );
  assert.deepEqual(seen.sort(), ["a", "b", "c"]);
  const [message] = (await confab.room("a").history()).messages;
  assert.deepEqual([message?.user, message?.text, message?.room], ["bot", "hi!", "a"]);
  await assert.rejects(confab.admin.publish([], { user: "bot", text: "hi" }), codeOf("INVALID_MESSAGE"));
  await confab.admin.deleteRoom("a");
  assert.equal(await confab.admin.scrub(), "");
  await confab.close();
  await assert.rejects(confab.admin.scrub(), codeOf("SHUTTING_DOWN"));
});

test("a reader that does not read costs a bounded amount, and misses nothing", async (t) => {
  const confab = await confabFor(t, { limits: { maxQueuedBytes: 65_536 } });
  const room = confab.room("busy");
  const messages = await room.messages();
  const text = "x".repeat(1_000);
  const count = 2_000;
  for (let n = 0; n < count; n += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, at) => room.send({ user: "ann", text, id: `${n + at}` })));
  }
  const offsets: number[] = [];
  for await (const { position } of messages) {
    offsets.push(Number(position.split(":")[1]));
    if (offsets.length === count) break;
  }
  assert.deepEqual(
    offsets,
    Array.from({ length: count }, (_, at) => at + 1),
  );
});

test("close ends the loops that read, with the reason, and everything after it", async (t) => {
  const confab = await confabFor(t);
  const messages = await confab.subscribe("lobby");
  const ended = assert.rejects(messages.next(), codeOf("SHUTTING_DOWN"));
  await confab.close();
  await ended;
  assert.deepEqual(await messages.next(), { done: true, value: undefined });
  await assert.rejects(confab.send("lobby", { user: "ann", text: "late" }), codeOf("SHUTTING_DOWN"));
});

test("an engine of the program's own keeps the messages, and is given what it needs", async (t) => {
  const engine = new MemoryEngine();
  let given: EngineDeps | undefined;
  const open = async (deps: EngineDeps) => {
    given = deps;
    return engine;
  };
  const confab = await confabFor(t, { engine: { kind: "custom", open }, limits: { maxRooms: 77 } });
  const { position } = await confab.send("lobby", { user: "ann", text: "kept" });
  assert.equal(given?.limits.maxRooms, 77);
  const { newest } = engine.state("lobby" as RoomId);
  assert.equal(position, `7:${newest}`);
});

test("an engine without what only hooks need is refused where such a hook is set, and closed", async (t) => {
  let closed = 0;
  const open = async () => {
    const engine = new MemoryEngine();
    Object.assign(engine, { outbox: undefined, close: async () => void closed++ });
    return Object.assign(engine, { members: Object.assign(engine.members, { watchOccupancy: undefined }) });
  };
  const confab = await confabFor(t, { engine: { kind: "custom", open } });
  await confab.send("lobby", { user: "ann", text: "kept" });
  for (const [hook, lacking] of [
    ["stored", /`outbox`/],
    ["occupied", /`members.watchOccupancy`/],
    ["vacated", /`members.watchOccupancy`/],
  ] as const)
    await assert.rejects(
      createConfab({ engine: { kind: "custom", open }, hooks: { [hook]: () => undefined } }),
      (error) => error instanceof ConfigError && lacking.test(error.message),
    );
  assert.equal(closed, 3);
});

test("the program changes messages, and each change is checked", async (t) => {
  const confab = await confabFor(t);
  const room = confab.room("lobby");
  const { position } = await room.send({ user: "ann", text: "wild" });
  const edited = await room.edit(position, { user: "ann", text: "mild", id: "once" });
  assert.deepEqual(await room.edit(position, { user: "ann", text: "mild", id: "once" }), {
    ...edited,
    duplicate: true,
  });
  await room.react(position, "👍", { user: "bob" });
  await room.react(position, "👍", { user: "bob", removed: true });
  await assert.rejects(room.edit("nonsense", { user: "ann", text: "x" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.edit(edited.position, { user: "ann", text: "x" }), codeOf("INVALID_MESSAGE"));
  await room.delete(position, { user: "bob" });
  await assert.rejects(room.react(position, "👍", { user: "bob" }), codeOf("MESSAGE_DELETED"));
  const { messages } = await room.history();
  assert.deepEqual(
    messages.map(({ text, deleted }) => [text, deleted]),
    [["", true]],
  );
});

test("the program reads changes, and messages as they are now", async (t) => {
  const confab = await confabFor(t);
  const room = confab.room("lobby");
  const first = await room.send({ user: "ann", text: "wild" });
  const second = await room.send({ user: "bob", text: "hi" });
  const edited = await room.edit(first.position, { user: "ann", text: "mild" });
  const reacted = await room.react(first.position, "👍", { user: "bob" });
  const deleted = await room.delete(second.position, { user: "bob" });

  const entries = [];
  for await (const entry of await confab.subscribe("lobby", { history: 2, changes: true }))
    if (entries.push(entry) === 5) break;
  const told = entries.map(({ position, user, text, change }) => ({ position, user, text, change }));
  const target = first.position;
  assert.deepEqual(told, [
    { position: target, user: "ann", text: "wild", change: undefined },
    { position: second.position, user: "bob", text: "", change: undefined },
    { position: edited.position, user: "ann", text: "mild", change: { kind: "edit", target } },
    {
      position: reacted.position,
      user: "bob",
      text: "",
      change: { kind: "reaction", emoji: "👍", removed: false, target },
    },
    { position: deleted.position, user: "bob", text: "", change: { kind: "deletion", target: second.position } },
  ]);
  assert.deepEqual((await room.history({ changes: true })).messages, entries);
  const plain = await room.history();
  assert.deepEqual([plain.messages, plain.newest], [entries.slice(0, 2), deleted.position]);

  const page = await room.history({ folded: true });
  const [now, gone] = page.messages;
  const at = edited.sentAt;
  assert.deepEqual([now?.text, now?.edited], ["mild", { user: "ann", position: edited.position, at }]);
  assert.deepEqual(now?.reactions, [{ emoji: "👍", count: 1, users: ["bob"] }]);
  assert.deepEqual([gone?.text, gone?.deleted, gone?.edited, gone?.reactions], ["", true, undefined, undefined]);
  assert.equal(page.newest, deleted.position);
  // The client's own folding of the entries gives the same.
  assert.deepEqual(fold(entries), [now, { ...gone, reactions: [] }]);
  await assert.rejects(room.history({ folded: true, changes: true }), codeOf("INVALID_MESSAGE"));

  const messages = await room.messages({ after: first.position });
  await room.send({ user: "ann", text: "bye" });
  assert.deepEqual((await messages.next()).value, gone);
  assert.equal((await messages.next()).value?.text, "bye");
});

test("the program marks what users have read, and lists it", async (t) => {
  const confab = await confabFor(t);
  const room = confab.room("read");
  const { position } = await room.send({ user: "ann", text: "1" });
  await room.send({ user: "ann", text: "2" });
  const mark = await room.markRead({ user: "bob", position });
  assert.deepEqual([mark.user, mark.position, mark.unread, mark.at instanceof Date], ["bob", position, 1, true]);
  assert.deepEqual(await room.readMarks(), { marks: [mark], nextPage: "" });
  assert.deepEqual(await room.readMarks({ user: "ann" }), { marks: [], nextPage: "" });
  await assert.rejects(room.markRead({ user: "bob", position: "nonsense" }), codeOf("INVALID_MESSAGE"));
  await assert.rejects(room.markRead({ user: "bob", position: "1:1" }), codeOf("OUT_OF_RANGE"));
});

test("what a hook refuses of the program's signals rejects, and ends nothing", async (t) => {
  const confab = await confabFor(t, { hooks: { signal: async () => ({ refuse: "quiet" }) } });
  await assert.rejects(confab.room("team").signal({ user: "bot", kind: "typing" }), codeOf("HOOK_REFUSED"));
});

test("a server listens once", async (t) => {
  const confab = await confabFor(t);
  await confab.listen();
  await assert.rejects(confab.listen(), ConfigError);
  await confab.close();
  await assert.rejects(
    (await confabFor(t)).close().then(() => confab.listen()),
    ConfigError,
  );
});
