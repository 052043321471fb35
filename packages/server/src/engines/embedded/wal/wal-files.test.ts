import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Engine, RoomId } from "../../../core/index.js";
import { withCode } from "../../../testing/engine-suite/setup.js";
import { StoreError } from "../index.js";
import { startEngineProcess } from "../testing/start-engine-process.js";
import { openTestEngine, sendText, testFolder, textsIn } from "../testing/test-engine.js";
import { fileHeaderBytes, headerOf } from "./records.js";

let above = "";
let folder = "";
beforeEach(() => {
  above = testFolder();
  folder = join(above, "data");
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

const lobby = "lobby" as RoomId;

const send = (engine: Engine, text: string, room = lobby) => sendText(engine, room, text);
const textsOf = (engine: Engine, room = lobby) => textsIn(engine, room);

/** A folder whose server was killed while its messages were in the write-ahead log alone: a copy of it while it was served. */
async function leaveUnstored(texts: readonly string[]): Promise<void> {
  const served = join(above, "served");
  const engine = await openTestEngine(served);
  for (const text of texts) await send(engine, text);
  rmSync(folder, { recursive: true, force: true });
  cpSync(served, folder, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  await engine.close();
  rmSync(served, { recursive: true });
}

/** The files with what was not stored have their names until the folder is opened. */
const wal = (name: "wal-0" | "wal-1") => join(folder, name);

async function refusal(): Promise<string> {
  try {
    await (await openTestEngine(folder)).close();
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error.message;
  }
  return assert.fail("it was opened");
}

test("what is in the write-ahead log alone is there after a kill, and after the kill of the next server too", async () => {
  await leaveUnstored(["one", "two"]);
  const next = startEngineProcess();
  assert.equal(await next.ask(`open ${folder}`), "open");
  assert.equal(await next.ask("send three"), "acknowledged 1");
  await next.kill();
  const engine = await openTestEngine(folder);
  assert.deepEqual(await textsOf(engine), ["one", "two"]);
  assert.deepEqual((await send(engine, "two")).isDuplicate, true);
  await engine.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith(".taken")),
    [],
  );
});

const damages: readonly (readonly [what: string, damage: () => void, reason: RegExp])[] = [
  ["one file is gone", () => rmSync(wal("wal-1")), /write-ahead log is gone: there is no file wal-1/],
  ["both files are gone", () => [rmSync(wal("wal-0")), rmSync(wal("wal-1"))], /is gone: there is no file wal-0/],
  ["a file is empty", () => truncateSync(wal("wal-1"), 0), /is damaged: wal-1\S* is cut off/],
  ["a file is cut off", () => truncateSync(wal("wal-1"), 300), /is damaged: wal-1\S* is cut off/],
  ["a file is zeros", () => writeFileSync(wal("wal-1"), Buffer.alloc(1_048_576)), /is damaged: wal-1/],
  ["a file is text", () => writeFileSync(wal("wal-0"), "x".repeat(2_000_000)), /is damaged: wal-0/],
];

for (const [what, damage, reason] of damages) {
  test(`a folder whose server was killed is refused again and again when of its write-ahead log ${what}`, async () => {
    await leaveUnstored(["one", "two"]);
    damage();
    for (let round = 0; round < 2; round++) assert.match(await refusal(), reason);
  });
}

test("without log.json a start goes on with what is left, and says what is lost; the next one has nothing to say", async () => {
  await leaveUnstored(["one", "two"]);
  for (const name of ["wal-0", "wal-1"] as const) truncateSync(wal(name), 0);
  rmSync(join(folder, "log.json"));
  const notices: string[] = [];
  const log = { warn: (_facts: object, text: string) => notices.push(text) };
  const engine = await openTestEngine(folder, { log });
  assert.deepEqual(await textsOf(engine), []);
  await send(engine, "three");
  await engine.close();
  notices.length = 0;
  const next = await openTestEngine(folder, { log });
  assert.deepEqual([await textsOf(next), notices], [["three"], []]);
  await next.close();
});

test("records that were lost with the power (os) are not looked for again after the next kill", async () => {
  await leaveUnstored(["one"]);
  const [first, second] = [wal("wal-0"), wal("wal-1")].map((path) => readFileSync(path));
  assert.ok(first && second);
  const epoch = second.readUInt32BE(4);
  // As a server with `os` has it whose store went back: records, but not those that follow what is stored.
  const key = second.subarray(8, 16);
  const content = Buffer.from([]);
  const record = Buffer.concat([headerOf({ epoch, turn: 9, sequence: 500 }, content, key, false), content]);
  record.copy(second, fileHeaderBytes);
  writeFileSync(wal("wal-1"), second);
  for (let round = 1; round <= 3; round++) {
    const program = startEngineProcess();
    assert.equal(await program.ask(`open ${folder}`), "open");
    assert.equal(await program.ask(`send ${round}`), `acknowledged ${round}`);
    await program.kill();
  }
});

test("a start that is killed at any moment leaves a folder that can be opened", async () => {
  await leaveUnstored(["one", "two"]);
  for (let round = 0; round < 25; round++) {
    const program = startEngineProcess();
    const opened = program.ask(`open ${folder}`).catch(() => "killed");
    await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, 60 + 8 * round))]);
    await program.kill();
    await opened;
  }
  const engine = await openTestEngine(folder);
  assert.deepEqual(await textsOf(engine), ["one", "two"]);
  await engine.close();
  assert.deepEqual(
    readdirSync(folder).filter((name) => /\.(taken|new)$/.test(name)),
    [],
  );
});

test("a file that was not finished is left out, and one that is cut off where it counts is not", async () => {
  await leaveUnstored(["one"]);
  writeFileSync(join(folder, "wal-0.0c0ffee0-0000-4000-8000-000000000000.new"), "half a file");
  const engine = await openTestEngine(folder);
  assert.deepEqual(await textsOf(engine), ["one"]);
  await engine.close();
});

test("records of a copy that went another way are not put behind what is stored", async () => {
  await leaveUnstored(["one"]);
  const other = join(above, "other");
  cpSync(folder, other, { recursive: true });
  const first = await openTestEngine(folder);
  await send(first, "two");
  await first.close();
  const second = await openTestEngine(other);
  // Two messages in the record that the first one has one message in, and another record.
  await Promise.all(["2", "3"].map((text) => send(second, text)));
  await send(second, "4");
  for (const name of ["wal-0", "wal-1"]) cpSync(join(other, name), join(folder, name));
  await second.close();
  assert.match(await refusal(), /its write-ahead log does not follow it/);
});

// `statSync` throws for all that is not ENOENT: the messages that were being stored at that moment were gone.
test("a folder that cannot be looked at for a while loses nothing, and says so meanwhile", async () => {
  const engine = await openTestEngine(folder, { sweepIntervalMs: 5 });
  for (const text of ["one", "two"]) await send(engine, text);
  const away = join(above, "away");
  renameSync(folder, away);
  writeFileSync(folder, "");
  assert.match(engine.trouble() ?? "", /was deleted or moved/);
  await assert.rejects(send(engine, "lost", "b" as RoomId), withCode("ENGINE_UNAVAILABLE"));
  await new Promise((resolve) => setTimeout(resolve, 100));
  rmSync(folder);
  renameSync(away, folder);
  await send(engine, "three", "c" as RoomId);
  assert.deepEqual(await textsOf(engine), ["one", "two"]);
  await engine.close();
  const again = await openTestEngine(folder);
  assert.deepEqual([await textsOf(again), await textsOf(again, "c" as RoomId)], [["one", "two"], ["three"]]);
  await again.close();
});

test("the write-ahead log's files stay when a log is closed, with a bounded size, and are used by one server alone", async () => {
  const engine = await openTestEngine(folder);
  await send(engine, "x".repeat(900_000));
  await send(engine, "y".repeat(900_000));
  await engine.close();
  const before = statSync(wal("wal-0")).ino;
  const next = await openTestEngine(folder);
  assert.notEqual(statSync(wal("wal-0")).ino, before);
  assert.equal(statSync(wal("wal-0")).size, 1_048_576);
  assert.equal((await textsOf(next)).length, 2);
  await next.close();
  assert.ok(existsSync(wal("wal-1")));
  assert.equal(dirname(wal("wal-1")), folder);
});
