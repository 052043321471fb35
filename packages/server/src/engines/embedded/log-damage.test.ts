import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import type { Engine, RoomId } from "../../core/index.js";
import { withCode } from "../../testing/engine-suite/setup.js";
import { StoreError } from "./index.js";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, sendText, testFolder, textsIn } from "./testing/test-engine.js";

const pageBytes = 4_096;
const rooms = ["a", "b", "c"] as RoomId[];

/** A folder with a log of a few hundred pages that was closed in order; each test has a copy. */
const original = testFolder();
let folder = "";
let log = "";
before(async () => {
  const engine = await openTestEngine(original);
  for (let i = 0; i < 120; i++) await send(engine, rooms[i % 3] as RoomId, textOf(i));
  await engine.close();
});
after(() => rmSync(original, { recursive: true }));
beforeEach(() => {
  folder = testFolder();
  cpSync(original, folder, { recursive: true, preserveTimestamps: true });
  log = join(folder, "log.mdb");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Some texts fit into a page with others, and some need separate pages. */
function textOf(i: number): string {
  return `${i} ${"x".repeat((i * 97) % 9_000)}`;
}

const send = sendText;

async function textsOf(engine: Engine): Promise<string[]> {
  const all = await Promise.all(rooms.map((room) => textsIn(engine, room)));
  return all.flat();
}

function overwrite(page: number, bytes: Buffer): void {
  const file = readFileSync(log);
  bytes.copy(file, page * pageBytes);
  writeFileSync(log, file);
}

async function refusal(path = folder): Promise<string> {
  try {
    const engine = await openTestEngine(path);
    await engine.close();
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    assert.ok(!error.message.includes("\n"), "one line");
    return error.message;
  }
  return assert.fail("it was opened");
}

async function assertWhole(): Promise<void> {
  const engine = await openTestEngine(folder);
  assert.equal((await textsOf(engine)).length, 120);
  await send(engine, rooms[0] as RoomId, "one more");
  await engine.close();
}

// LMDB's binding ends the process by a segmentation fault when it cannot open a file.
const brokenFiles: readonly (readonly [what: string, make: (path: string) => void, reason: RegExp])[] = [
  ["is text", (path) => writeFileSync(path, "another program's file\n".repeat(1_000)), /it is not an LMDB file/],
  ["is zeros", (path) => writeFileSync(path, Buffer.alloc(65_536)), /it is not an LMDB file/],
  ["is cut off in its first page", (path) => truncateSync(path, 100), /it is cut off/],
  ["is cut off after its first page", (path) => truncateSync(path, 4_096), /it is cut off/],
  ["is cut to half", (path) => truncateSync(path, statSync(path).size / 2), /it is damaged: /],
  ["has lost its last pages", (path) => truncateSync(path, statSync(path).size - 16 * pageBytes), /it is damaged: /],
  ["is a folder", (path) => [rmSync(path), mkdirSync(path)], /it is not a file/],
  // A new, empty log took its place, and its readers were told that there was nothing to read.
  ["is empty", (path) => truncateSync(path, 0), /it is empty, although the folder had a log; .* remove log\.json/],
  ["is gone", (path) => rmSync(path), /it is gone, although the folder had a log; .* remove log\.json/],
];

for (const [what, make, reason] of brokenFiles) {
  test(`a log file that ${what} is refused again and again, and the process lives`, async () => {
    make(log);
    for (let i = 0; i < 2; i++) {
      const text = await refusal();
      assert.match(text, reason);
      assert.match(text, /^\S+log\.mdb cannot be opened: .*--data$/);
    }
  });
}

test("garbage or zeros in any page are found, unless no message needs that page", async () => {
  const random = new Random(5);
  const pages = statSync(log).size / pageBytes;
  let found = 0;
  const damaged = [1, 2, 3, ...Array.from({ length: 9 }, () => random.int(4, pages - 1))];
  for (const page of damaged) {
    rmSync(folder, { recursive: true });
    cpSync(original, folder, { recursive: true });
    const garbage = Buffer.from(Array.from({ length: pageBytes }, () => random.int(0, 255)));
    overwrite(page, page % 2 === 0 ? Buffer.alloc(pageBytes) : garbage);
    try {
      await assertWhole();
    } catch (error) {
      assert.ok(error instanceof StoreError, `seed 5, page ${page}: ${String(error)}`);
      assert.match(error.message, /it is damaged: /, `seed 5, page ${page}`);
      found++;
    }
  }
  assert.ok(found >= damaged.length / 2, `${found} of ${damaged.length}`);
});

/** Change some bytes of a long text; the file keeps its length. */
function overwriteText(): void {
  const file = readFileSync(log);
  const at = file.lastIndexOf("x".repeat(5_000));
  assert.ok(at > 0);
  file.fill(0xfe, at + 1_000, at + 1_010);
  writeFileSync(log, file);
}

/** As if the disk had changed the bytes: the time of the last change does not tell. */
function sayUnchanged(where: string): void {
  const { size, mtimeNs } = statSync(join(where, "log.mdb"), { bigint: true });
  writeFileSync(join(where, "log.closed"), `${size} bytes, changed at ${mtimeNs}\n`);
}

test("a message whose text was overwritten is found by its room and block", async () => {
  overwriteText();
  assert.match(await refusal(), /it is damaged: room [abc]: .*the messages up to \d+ are not what was stored/);
});

test("a log that was closed in order and not changed since then is served at once; it is open from then on", async () => {
  overwriteText();
  const closed = join(folder, "log.closed");
  sayUnchanged(folder);
  const engine = await openTestEngine(folder);
  assert.ok(!existsSync(closed));
  // What the disk has changed is named and not served; the other rooms are.
  const read = await Promise.allSettled(rooms.map((room) => textsIn(engine, room)));
  const damaged = read.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  const cutShort = read.flatMap((each) => (each.status === "fulfilled" && each.value.length < 40 ? [each.value] : []));
  assert.equal(damaged.length + cutShort.length, 1);
  for (const error of damaged) assert.ok(withCode("DATA_LOSS")(error), String(error));
  assert.ok(read.every((each) => each.status === "rejected" || !each.value.some((text) => text.includes("\ufffd"))));
  await engine.close();
  assert.ok(existsSync(closed));
  rmSync(closed);
  assert.match(await refusal(), /it is damaged/);
});

// The room was never trimmed again, however far it went beyond its bounds.
test("a room whose oldest block is damaged is trimmed past it, by count and by age", async () => {
  const [room] = rooms as [RoomId];
  const file = readFileSync(log);
  // The room's fourth message, behind the length of its text. Free pages may hold it too.
  const body = Buffer.concat([Buffer.of(0x06), Buffer.from(textOf(9))]);
  for (let at = file.indexOf(body); at !== -1; at = file.indexOf(body, at + 1)) file.fill(0xfe, at + 100, at + 110);
  writeFileSync(log, file);
  sayUnchanged(folder);
  const kept = await openTestEngine(folder);
  await assert.rejects(textsIn(kept, room), withCode("DATA_LOSS"));
  await kept.close();
  for (const retention of [{ maxMessages: 20 }, { maxAgeMs: 1 }]) {
    const own = testFolder();
    cpSync(folder, own, { recursive: true });
    sayUnchanged(own);
    const engine = await openTestEngine(own, { retention });
    for (const text of ["one", "two"]) await send(engine, room, text);
    assert.equal((await engine.log.state(room)).messages, "maxMessages" in retention ? 20 : 1);
    assert.equal((await textsIn(engine, room)).at(-1), "two");
    await engine.close();
    rmSync(own, { recursive: true });
  }
});

test("a log whose server was killed is read before it is served, and then it is served", async () => {
  const other = startEngineProcess();
  assert.equal(await other.ask(`open ${folder}`), "open");
  assert.equal(await other.ask("send hello"), "acknowledged 1");
  await other.kill();
  const notices: string[] = [];
  const engine = await openTestEngine(folder, { log: { warn: (_facts, text) => notices.push(text) } });
  assert.deepEqual(notices, ["the log was not closed in order; it is checked before it is served"]);
  assert.equal((await textsOf(engine)).length, 120);
  await engine.close();
  await assertWhole();
});

test("a file that is damaged while it is served ends its server, and the next start says why", async () => {
  const other = startEngineProcess();
  assert.equal(await other.ask(`open ${folder}`), "open");
  truncateSync(log, pageBytes * 4);
  await other.ask("send hello").catch(() => "it may end at once, or when it next reads");
  await other.kill();
  assert.match(await refusal(), /log\.mdb cannot be opened: it is damaged: /);
});

test("the log of another folder, and a marker that is damaged, are refused", async () => {
  const elsewhere = join(folder, "elsewhere");
  await (await openTestEngine(elsewhere)).close();
  renameSync(join(elsewhere, "log.mdb"), log);
  assert.match(await refusal(), /it is another log than the one that log\.json names/);
  writeFileSync(join(folder, "log.json"), "{");
  assert.match(await refusal(), /log\.json is damaged/);
  rmSync(join(folder, "log.json"));
  await (await openTestEngine(folder)).close();
});

test("an empty log file in a folder that never had a log is a new log", async () => {
  const path = join(folder, "new");
  mkdirSync(path);
  writeFileSync(join(path, "log.mdb"), "");
  await (await openTestEngine(path)).close();
});

test("a folder of an earlier version, without a marker, gets one", async () => {
  for (const name of ["log.json", "log.closed"]) rmSync(join(folder, name));
  await assertWhole();
  rmSync(log);
  assert.match(await refusal(), /it is gone/);
});

test("a folder that is deleted while it is served: not ready, and sends are refused", async () => {
  const engine = await openTestEngine(folder);
  assert.equal(engine.trouble(), undefined);
  rmSync(folder, { recursive: true });
  assert.match(engine.trouble() ?? "", /^the data folder .* was deleted or moved$/);
  await assert.rejects(send(engine, rooms[0] as RoomId, "lost"), withCode("ENGINE_UNAVAILABLE"));
  // Another server makes a new folder there: the first one still has nothing to say.
  const other = await openTestEngine(folder);
  assert.match(engine.trouble() ?? "", /^the data folder .* was replaced$/);
  await assert.rejects(send(engine, rooms[0] as RoomId, "lost"), withCode("ENGINE_UNAVAILABLE"));
  assert.equal((await send(other, rooms[0] as RoomId, "kept")).position.offset, 1);
  await engine.close();
  assert.ok(!existsSync(join(folder, "log.closed")), "the one that is gone says nothing of the other one's log");
  await other.close();
});
