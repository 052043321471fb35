import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage, encodeBody, type MessageChange } from "@confab/contract";
import { MemoryEngine } from "../testing/memory-engine.js";
import { foldedPage } from "./folding.js";
import { readHistory } from "./history.js";
import type { PageBounds } from "./index.js";
import type { LogPage } from "./ports.js";
import type { RoomId } from "./room-id.js";
import { type ErasedUser, eraseUser } from "./user-erasure.js";

const den = "den" as RoomId;
const unshared = { begin: () => undefined, spend: () => undefined };
const wholePage = { maxEntries: 100_000, maxBytes: 100_000_000 };

interface Said {
  readonly user: string;
  readonly text?: string;
  readonly change?: MessageChange;
}

async function say({ log }: MemoryEngine, { user, text = "", change }: Said, room = den): Promise<void> {
  const body = encodeBody({ user, text, room, id: `${user}-1`, sentAtMs: 1, change });
  await log.append(room, { body, sentAtMs: 1, dedupeKey: undefined });
}

async function entries({ log }: MemoryEngine, room = den) {
  return (await log.readForward(room, 0, wholePage)).run.entries.map(({ body }) => {
    const { user, text, id, deleted = false, change } = decodeChatMessage(body);
    return { user, text, id, deleted, ...(change && { change }) };
  });
}

function erase(engine: MemoryEngine, user = "ann"): Promise<ErasedUser> {
  return eraseUser(engine, { user, from: undefined, share: unshared });
}

test("of an erased user stay places, and of others what is not about the user's texts", async () => {
  const engine = new MemoryEngine();
  await say(engine, { user: "ann", text: "secret" });
  await say(engine, { user: "bob", text: "bob's" });
  await say(engine, { user: "ann", change: { kind: "reaction", target: 2, emoji: "+1", removed: false } });
  await say(engine, { user: "bob", change: { kind: "reaction", target: 1, emoji: "+1", removed: false } });
  await say(engine, { user: "bob", text: "moderated secret", change: { kind: "edit", target: 1 } });
  await say(engine, { user: "ann", text: "by ann", change: { kind: "edit", target: 2 } });
  await say(engine, { user: "bob", text: "bob's own edit", change: { kind: "edit", target: 2 } });
  await say(engine, { user: "ann", change: { kind: "deletion", target: 2 } });
  const done = await erase(engine);
  assert.deepEqual(done, { messages: 1, changes: 4, rooms: 1, unreadable: 0, next: undefined });
  const gone = { user: "", text: "", id: "", deleted: true };
  assert.deepEqual(await entries(engine), [
    gone,
    { user: "bob", text: "bob's", id: "bob-1", deleted: false },
    { ...gone, change: { kind: "reaction", target: 2, emoji: "", removed: true } },
    {
      user: "bob",
      text: "",
      id: "bob-1",
      deleted: false,
      change: { kind: "reaction", target: 1, emoji: "+1", removed: false },
    },
    { user: "bob", text: "", id: "bob-1", deleted: true, change: { kind: "edit", target: 1 } },
    { ...gone, change: { kind: "edit", target: 2 } },
    { user: "bob", text: "bob's own edit", id: "bob-1", deleted: false, change: { kind: "edit", target: 2 } },
    { ...gone, change: { kind: "deletion", target: 2 } },
  ]);
});

test("a folded page has no reaction of an erased user, and no edit", async () => {
  const engine = new MemoryEngine();
  await say(engine, { user: "bob", text: "first" });
  for (const user of ["ann", "carl"])
    await say(engine, { user, change: { kind: "reaction", target: 1, emoji: "+1", removed: false } });
  await say(engine, { user: "ann", text: "ann's words", change: { kind: "edit", target: 1 } });
  await erase(engine);
  const bounds = { maxBytes: 100_000, sizesOf: () => [1], unitsPerEntry: 0, unitsPerKib: 0 };
  const asked = {
    room: den,
    after: undefined,
    before: undefined,
    limit: 10,
    isOldestFirst: false,
    wantsChanges: false,
  };
  const page = await readHistory(engine.log, asked, { ...bounds, share: unshared });
  const folded = await foldedPage({ log: engine.log, room: den, share: unshared }, page, false, bounds);
  const text = Buffer.from(folded.run.entries[0]?.body ?? []).toString("latin1");
  assert.ok(text.includes("first") && text.includes("carl") && !text.includes("ann"), text);
});

test("calls go on where the one before has stopped, and together erase all of it", async () => {
  const engine = new MemoryEngine();
  const rooms = ["a", "b", "c"] as RoomId[];
  for (const room of rooms)
    for (let at = 0; at < 1_500; at++) await say(engine, { user: at % 2 ? "ann" : "bob", text: "x" }, room);
  let from: ErasedUser["next"];
  const calls: ErasedUser[] = [];
  do {
    const done = await eraseUser(engine, { user: "ann", from, share: unshared });
    calls.push(done);
    from = done.next;
  } while (from);
  assert.ok(calls.length >= 2, `${calls.length} calls`);
  assert.ok(calls.every(({ messages }) => messages < 2_048));
  assert.equal(sum(calls.map(({ messages }) => messages)), 2_250);
  assert.equal(sum(calls.map(({ rooms }) => rooms)), 3);
  for (const room of rooms)
    assert.ok((await entries(engine, room)).every(({ user, deleted }) => (user === "bob") === !deleted));
});

test("a room that was removed between two calls is looked through from its beginning", async () => {
  const engine = new MemoryEngine();
  await say(engine, { user: "ann", text: "x" });
  const { epoch } = await engine.log.state(den);
  await engine.log.remove(den);
  await say(engine, { user: "ann", text: "y" });
  const from = { room: den, epoch, offset: 1 };
  const done = await eraseUser(engine, { user: "ann", from, share: unshared });
  assert.deepEqual([done.messages, done.rooms, done.next], [1, 1, undefined]);
});

test("what was trimmed since it was read does not stop it", async () => {
  const engine = new MemoryEngine();
  for (let at = 0; at < 10; at++) await say(engine, { user: "ann", text: "x" });
  const { erase: erased } = engine;
  engine.erase = (room, epoch, bodies) => {
    engine.trim(den, 4);
    return erased.call(engine, room, epoch, bodies);
  };
  assert.equal((await erase(engine)).messages, 10);
  assert.deepEqual(
    (await entries(engine)).map(({ user }) => user),
    Array(6).fill(""),
  );
});

// An operator was told that the user was erased, and the texts were still there.
test("where the log is put back before the last erasure of a room, the room is looked through again", async () => {
  const engine = new MemoryEngine();
  for (let at = 0; at < 10; at++) await say(engine, { user: "ann", text: "x" });
  const { erase: erased } = engine;
  engine.erase = (room, epoch, bodies) => {
    engine.erase = erased;
    engine.putBack(8, 9);
    return engine.erase(room, epoch, bodies);
  };
  const done = await erase(engine);
  assert.deepEqual([done.rooms, done.next], [1, undefined]);
  assert.deepEqual(
    (await entries(engine)).map(({ user }) => user),
    Array(8).fill(""),
  );
});

test("it goes past what is damaged, and says how much that is", async () => {
  for (const knows of [true, false]) {
    const engine = new MemoryEngine();
    for (let at = 0; at < 10; at++) await say(engine, { user: "ann", text: "x" });
    const { readForward } = engine;
    engine.readForward = (room: RoomId, after: number, bounds: PageBounds): LogPage => {
      const page = readForward.call(engine, room, after, bounds);
      if (page.run.first >= 4 && page.run.first <= 6 && page.run.count > 0)
        throw Object.assign(new ConfabError("DATA_LOSS", "damaged"), knows && { last: 6 });
      return { ...page, run: page.run.slice(page.run.first, page.run.first < 4 ? 3 : page.run.last) };
    };
    const done = await erase(engine);
    engine.readForward = readForward;
    assert.deepEqual([done.messages, done.unreadable, done.next], [7, 3, undefined]);
    assert.deepEqual(
      (await entries(engine)).map(({ user }) => user),
      ["", "", "", "ann", "ann", "ann", "", "", "", ""],
    );
  }
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
