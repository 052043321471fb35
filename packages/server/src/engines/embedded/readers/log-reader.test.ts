import assert from "node:assert/strict";
import { renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { RoomId } from "../../../core/index.js";
import { openTestEngine, sendText } from "../testing/test-engine.js";
import { openLogReader } from "./log-reader.js";
import type { Child } from "./testing/child.js";
import {
  acknowledgedBy,
  acknowledges,
  assertAllSeen,
  assertFaultless,
  assertInOrder,
  killOwners,
  readableAgain,
  type SeenByRoom,
  seenBy,
  TestReaders,
  warns,
} from "./testing/test-readers.js";

const plain = ["plain-0", "plain-1"];
const counted = ["counted-0", "counted-1", "counted-2"];
const aging = ["aging-0", "aging-1", "aging-2"];

test("readers see each acknowledged message once and in order, beside trims and rooms that go away", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner({
    retention: { counted: { maxMessages: 40 }, aging: { maxAgeMs: 30 } },
    limits: { emptyRoomMs: 30 },
    dedupeWindowMs: 30,
  });
  const rooms = [...plain, ...counted, ...aging];
  const both = [await readers.reader(rooms), await readers.reader(rooms)];
  for (let round = 1; round <= 3; round++) {
    await owner.ask("startSending", 12, rooms, 3_000);
    await acknowledges(owner, 500);
    await owner.ask("rest");
    // The rooms that age go away, and are made again in the next round.
    await owner.ask("startSending", 2, plain, 100);
    await Promise.all(aging.map((room) => goesAway(owner, room)));
    await owner.ask("rest");
  }
  const acknowledged = acknowledgedBy([owner]);
  const epochs = new Set(acknowledged[aging[0] ?? ""]?.map(([epoch]) => epoch));
  assert.ok(epochs.size >= 3, "rooms went away");
  for (const reader of both) {
    const seen = await seenBy(reader);
    assertAllSeen(acknowledged, seen);
    assertInOrder(seen, [...plain, ...counted]);
    await assertFaultless(reader);
    assert.deepEqual(Object.fromEntries(plain.map((room) => [room, seen[room]])), picked(acknowledged, plain));
    assert.deepEqual(await reader.ask("read"), await owner.ask("read"));
  }
  // After a close in order LMDB has all of it, and the next owner serves the same.
  const before = await owner.ask("read");
  await owner.ask("close");
  const next = await readers.owner();
  for (const reader of both) {
    await readableAgain(reader);
    assert.deepEqual(await reader.ask("read"), before);
  }
  assert.deepEqual(await next.ask("read"), before);
});

function picked(all: SeenByRoom, rooms: readonly string[]): SeenByRoom {
  return Object.fromEntries(rooms.map((room) => [room, all[room] ?? []]));
}

async function goesAway(owner: Child, room: string): Promise<void> {
  while (await owner.ask("hasRoom", room));
}

test("a reader that begins beside a full overlay, and while it is being stored, has all of it", async (t) => {
  const readers = new TestReaders(t);
  // Nothing is stored before 4 MiB are held.
  const owner = await readers.owner({ sweepIntervalMs: 60_000 });
  for (let i = 0; i < 3; i++)
    await Promise.all(
      plain.map((room) =>
        owner.ask(
          "send",
          room,
          Array.from({ length: 60 }, (_, n) => textOf(i, n)),
        ),
      ),
    );
  const early = await readers.reader(plain);
  assert.deepEqual(await early.ask("read"), await owner.ask("read"));
  // What was held is stored from here on, and more comes.
  const late = Array.from({ length: 3 }, () => readers.start("reader"));
  await Promise.all(late.map((reader) => reader.ask("count")));
  for (const reader of late) {
    await owner.ask("startSending", 10, plain, 40_000, 10);
    await reader.ask("open", readers.folder);
    await reader.ask("follow", plain);
    await owner.ask("allSent");
  }
  for (const reader of [early, ...late]) {
    assertAllSeen(acknowledgedBy([owner]), await seenBy(reader));
    await assertFaultless(reader);
    assert.deepEqual(await reader.ask("read"), await owner.ask("read"));
  }
});

function textOf(...numbers: readonly number[]): string {
  return `${numbers.join("-")} ${"y".repeat(10_000)}`;
}

test("a reader goes on with each owner that follows one that was killed, and has what the last one has", (t) =>
  killOwners(t, 4));

test("a reader that does not keep up is cut off, the owner goes on, and the reader begins again", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner({ limits: { maxLogReaderBytes: 1_048_576 } });
  const [slow, other] = [await readers.reader(plain), await readers.reader(plain)];
  slow.signal("SIGSTOP");
  await owner.ask("startSending", 6, plain, 40_000);
  await warns(owner, /was cut off.*maxLogReaderBytes is 1048576/);
  await owner.ask("rest");
  slow.signal("SIGCONT");
  await slow.until(() => slow.count("interrupted") >= 2 * plain.length);
  for (const reader of [slow, other]) {
    await readableAgain(reader);
    assertAllSeen(acknowledgedBy([owner]), await seenBy(reader));
    await assertFaultless(reader);
  }
  assert.equal(other.count("interrupted"), plain.length, "only the one that was stopped was cut off");
});

test("a reader that was stopped for a while goes on where it was, without a new beginning", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  const reader = await readers.reader(plain);
  for (let i = 0; i < 3; i++) {
    reader.signal("SIGSTOP");
    // One room in each record: the other one is read from LMDB meanwhile.
    await owner.ask("startSending", 1, plain, 500, 40);
    await owner.ask("allSent");
    // LMDB is ahead then of what this process has received.
    const { mtimeMs } = statSync(join(readers.folder, "log.mdb"));
    await owner.ask("send", "plain-0", ["stored soon"]);
    while (statSync(join(readers.folder, "log.mdb")).mtimeMs === mtimeMs) await owner.ask("hasRoom", "");
    reader.signal("SIGCONT");
    assertAllSeen(acknowledgedBy([owner]), await seenBy(reader));
  }
  await assertFaultless(reader);
  // One for each room at its beginning.
  assert.equal(reader.count("interrupted"), plain.length);
});

test("while its owner is stopped a reader says so and refuses, and goes on afterwards", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  await owner.ask("send", "plain-0", ["one"]);
  const reader = await readers.reader(plain);
  owner.signal("SIGSTOP");
  while ((await reader.ask("trouble")) === undefined);
  await assert.rejects(reader.ask("read"), /cannot be read: the server has said nothing for 5 seconds/);
  await assert.rejects(reader.ask("caughtUp"), /cannot be read/);
  owner.signal("SIGCONT");
  await readableAgain(reader);
  await owner.ask("send", "plain-0", ["two"]);
  assert.deepEqual(
    (await seenBy(reader))["plain-0"]?.map(([, , text]) => text),
    ["one", "two"],
  );
  await assertFaultless(reader);
});

test("an owner whose folder is gone ends its readers", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  await owner.ask("send", "plain-0", ["one"]);
  const reader = await readers.reader(plain);
  renameSync(readers.folder, `${readers.folder}.moved`);
  t.after(() => rmSync(`${readers.folder}.moved`, { recursive: true }));
  await warns(owner, /was cut off.*was deleted or moved/);
  while ((await reader.ask("trouble")) === undefined);
  // It finds the next one by the folder's name.
  const next = await readers.owner();
  await readableAgain(reader);
  assert.deepEqual(await reader.ask("read"), await next.ask("read"));
});

test("a reader that is killed in the middle of a read does not keep LMDB's pages from being used again", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner({ retention: { plain: { maxMessages: 20 } } });
  const churn = async (batches: number) => {
    for (let i = 0; i < batches; i++)
      await owner.ask(
        "send",
        "plain-0",
        Array.from({ length: 20 }, (_, n) => textOf(i, n)),
      );
  };
  await churn(60);
  const reader = await readers.reader();
  await assert.rejects(reader.ask("dieReading"), /has ended/);
  const before = statSync(join(readers.folder, "log.mdb")).size;
  await churn(200);
  const grown = statSync(join(readers.folder, "log.mdb")).size - before;
  assert.ok(grown < 15_000_000, `the file grew by ${grown} bytes`);
});

test("a reader that is stopped in the middle of a read is named, since the log's file grows meanwhile", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  await owner.ask("send", "plain-0", ["one"]);
  const reader = await readers.reader(plain);
  const answer = reader.ask("stopReading");
  await owner.ask("startSending", 1, plain, 100);
  await warns(owner, /does not go on; until it does, or ends, log.mdb grows/);
  await owner.ask("rest");
  reader.signal("SIGCONT");
  await answer;
  await reader.ask("caughtUp");
  assert.deepEqual(await reader.ask("read"), await owner.ask("read"));
});

test("a bounded number of processes read a log, and with 0 there is no socket for them", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner({ limits: { maxLogReaders: 1 } });
  const first = await readers.reader(plain);
  await assert.rejects(readers.reader(), /StoreError: .*1 processes read the log; maxLogReaders is 1/);
  await first.ask("close");
  await assertOpens(readers);
  await owner.ask("close");
  const other = await readers.owner({ limits: { maxLogReaders: 0 } });
  await assert.rejects(readers.reader(), /StoreError: .*no server has it open/);
  await other.ask("close");
});

/** The owner receives a moment later that another reader has gone. */
async function assertOpens(readers: TestReaders): Promise<void> {
  for (;;) {
    try {
      const reader = await readers.reader(plain);
      return await reader.ask("close");
    } catch (error) {
      assert.match(String(error), /maxLogReaders is 1/);
    }
  }
}

test("without a server, without a folder, and in the server's own process a reader is refused", async (t) => {
  const readers = new TestReaders(t);
  await assert.rejects(readers.reader(), /StoreError: the log in .* cannot be read: no server has it open/);
  await assert.rejects(
    readers.reader([], "/nowhere"),
    /StoreError: the data folder \/nowhere cannot be read \(ENOENT\)/,
  );
  const engine = await openTestEngine(readers.folder);
  await assert.rejects(openLogReader(readers.folder), { name: "FolderLockedError" });
  await sendText(engine, "plain-0" as RoomId, "one");
  await engine.close();
});

test("the path of a folder may be longer than that of a socket", { skip: process.platform !== "linux" }, async (t) => {
  const readers = new TestReaders(t);
  const folder = join(readers.folder, "d".repeat(120));
  const owner = await readers.owner({}, folder);
  await owner.ask("send", "plain-0", ["one"]);
  const reader = await readers.reader(plain, folder);
  assert.deepEqual(await reader.ask("read"), await owner.ask("read"));
  assert.equal(statSync(join(folder, "readers.sock")).mode & 0o777, 0o600);
  await owner.ask("close");
  assert.throws(() => statSync(join(folder, "readers.sock")), { code: "ENOENT" });
});
