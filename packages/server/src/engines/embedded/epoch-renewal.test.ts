import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Engine, maxEarlierEpochs, offsetHere, type RoomId } from "../../core/index.js";
import { StoreError } from "./index.js";
import { makeOldLog } from "./testing/old-log.js";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, sendText, testFolder, textsIn } from "./testing/test-engine.js";
import { fileHeaderBytes, headerOf } from "./wal/records.js";

const [busy, quiet, unborn] = ["busy", "quiet", "unborn"] as [RoomId, RoomId, RoomId];

let above = "";
let folder = "";
let backup = "";
beforeEach(() => {
  above = testFolder();
  [folder, backup] = [join(above, "data"), join(above, "backup")];
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

const marker = () => join(folder, "log.json");

/** Served: three messages in one room, and one in another. The backup is a copy of then. Then, in both, two that are lost. */
async function fillAndBackUp(): Promise<{ epochs: Map<RoomId, number> }> {
  const engine = await openTestEngine(folder);
  for (const text of ["1", "2", "3"]) await sendText(engine, busy, text);
  await sendText(engine, quiet, "1");
  await engine.close();
  cpSync(folder, backup, { recursive: true, preserveTimestamps: true });
  const later = await openTestEngine(folder);
  for (const text of ["4 lost", "5 lost"]) await sendText(later, busy, text);
  const states = [busy, quiet, unborn].map(async (room) => [room, (await later.log.state(room)).epoch] as const);
  const epochs = new Map(await Promise.all(states));
  await later.close();
  return { epochs };
}

function putBack(): void {
  rmSync(folder, { recursive: true });
  cpSync(backup, folder, { recursive: true, preserveTimestamps: true });
  rmSync(marker());
}

/** Which of these offsets of an earlier epoch a reader can go on from. */
async function resumable(engine: Engine, room: RoomId, epoch: number | undefined): Promise<number[]> {
  const state = await engine.log.state(room);
  return [0, 1, 2, 3, 4, 5].filter((offset) => {
    const here = offsetHere({ epoch: epoch ?? 0, offset }, state);
    return here !== undefined && here <= state.newest;
  });
}

async function assertRenewed(engine: Engine, epochs: ReadonlyMap<RoomId, number>): Promise<void> {
  assert.deepEqual(await resumable(engine, busy, epochs.get(busy)), [0, 1, 2, 3]);
  assert.deepEqual(await resumable(engine, quiet, epochs.get(quiet)), [0, 1]);
  assert.deepEqual(await resumable(engine, unborn, epochs.get(unborn)), [0]);
  for (const [room, epoch] of epochs) assert.notEqual((await engine.log.state(room)).epoch, epoch);
}

test("a copy that was put back without log.json goes on in other epochs, and what was lost is not taken for what comes", async () => {
  const { epochs } = await fillAndBackUp();
  putBack();
  const notices: string[] = [];
  const engine = await openTestEngine(folder, { log: { warn: (_facts, text) => notices.push(text) } });
  assert.match(notices.join(), /all rooms begin another epoch/);
  await assertRenewed(engine, epochs);
  const { position } = await sendText(engine, busy, "4 again");
  assert.equal(position.offset, 4);
  // What was sent before the backup is recognised, and has a position of now.
  const again = await sendText(engine, busy, "2");
  assert.deepEqual([again.isDuplicate, again.position], [true, { epoch: position.epoch, offset: 2 }]);
  await assertRenewed(engine, epochs);
  await engine.close();

  notices.length = 0;
  const next = await openTestEngine(folder, { log: { warn: (_facts, text) => notices.push(text) } });
  assert.deepEqual(notices, []);
  assert.equal((await next.log.state(busy)).epoch, position.epoch, "it is renewed once");
  assert.deepEqual(await textsIn(next, busy), ["1", "2", "3", "4 again"]);
  await assertRenewed(next, epochs);
  await next.close();
});

test("the same copy put back twice goes two ways: positions of the first one are not taken for those of the second", async () => {
  const { epochs } = await fillAndBackUp();
  putBack();
  const first = await openTestEngine(folder);
  const { position } = await sendText(first, busy, "4 of the first");
  await first.close();
  putBack();
  const second = await openTestEngine(folder);
  await sendText(second, busy, "4 of the second");
  await assertRenewed(second, epochs);
  // Nothing in the copy says what it was called in between.
  assert.deepEqual(await resumable(second, busy, position.epoch), []);
  await second.close();
});

test("a log that is renewed again knows both epochs, each up to what it had then", async () => {
  const { epochs } = await fillAndBackUp();
  putBack();
  const first = await openTestEngine(folder);
  const { position } = await sendText(first, busy, "4");
  await first.close();
  rmSync(marker());
  const second = await openTestEngine(folder);
  assert.deepEqual(await resumable(second, busy, epochs.get(busy)), [0, 1, 2, 3]);
  assert.deepEqual(await resumable(second, busy, position.epoch), [0, 1, 2, 3, 4]);
  await second.close();
});

test("files of the log from before the renewal are not taken for its own, and log.mdb from before it is refused", async () => {
  await fillAndBackUp();
  putBack();
  await (await openTestEngine(folder)).close();
  for (const name of ["wal-0", "wal-1"]) cpSync(join(backup, name), join(folder, name));
  const refused = (text: RegExp) => (error: unknown) => error instanceof StoreError && text.test(error.message);
  await assert.rejects(openTestEngine(folder), refused(/write-ahead log is damaged: .* of another log/));
  cpSync(join(backup, "log.mdb"), join(folder, "log.mdb"));
  await assert.rejects(openTestEngine(folder), refused(/it is another log than the one that log\.json names/));
});

test("a start that was killed before log.json named the new epoch is finished by the next one, which renews nothing", async () => {
  const { epochs } = await fillAndBackUp();
  putBack();
  await (await openTestEngine(folder)).close();
  const named = readFileSync(marker(), "utf8");
  // As records that were lost with `os` leave it: log.json was there all the time.
  cpSync(join(backup, "log.json"), marker());
  cpSync(join(backup, "wal-0"), join(folder, "wal-0.c0ffee00-0000-4000-8000-000000000000.taken"));
  for (const name of ["wal-0", "wal-1"]) rmSync(join(folder, name));
  const engine = await openTestEngine(folder);
  await assertRenewed(engine, epochs);
  assert.equal((await engine.log.state(busy)).lineage?.length, 1);
  await sendText(engine, busy, "4");
  await engine.close();
  assert.equal(readFileSync(marker(), "utf8"), named);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /\.(taken|new)$/.test(name)),
    [],
  );
});

test("a renewal that is killed at any moment is done by a later start, and loses nothing", async () => {
  const { epochs } = await fillAndBackUp();
  putBack();
  const startedAtMs = performance.now();
  const whole = startEngineProcess();
  assert.equal(await whole.ask(`open ${folder}`), "open");
  const startMs = performance.now() - startedAtMs;
  await whole.kill();
  // Each of them may have got as far as the renewal, and a room remembers so many.
  for (let round = 0; round < maxEarlierEpochs - 2; round++) {
    rmSync(marker(), { force: true });
    const program = startEngineProcess();
    const opened = program.ask(`open ${folder}`).catch(() => "killed");
    await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, startMs * (0.5 + round / 12)))]);
    await program.kill();
    await opened;
  }
  const engine = await openTestEngine(folder);
  assert.deepEqual(await textsIn(engine, busy), ["1", "2", "3"]);
  await assertRenewed(engine, epochs);
  await sendText(engine, busy, "4");
  await engine.close();
});

// What the lost messages were called was given to others.
test("records that were lost with the power (os) renew the epochs", async () => {
  const served = join(above, "served");
  const engine = await openTestEngine(served, { durability: "os" });
  const { position } = await sendText(engine, busy, "1");
  cpSync(served, folder, { recursive: true, filter: (path) => !path.endsWith(".sock") });
  await engine.close();
  const file = join(folder, "wal-1");
  const bytes = readFileSync(file);
  const record = headerOf(
    { epoch: bytes.readUInt32BE(4), turn: 9, sequence: 500 },
    Buffer.alloc(0),
    bytes.subarray(8, 16),
    false,
  );
  record.copy(bytes, fileHeaderBytes);
  writeFileSync(file, bytes);
  const named = readFileSync(marker(), "utf8");
  const notices: string[] = [];
  const next = await openTestEngine(folder, {
    durability: "os",
    log: { warn: (_facts, text) => notices.push(text) },
  });
  assert.match(notices.join(), /acknowledged are lost: .*all rooms begin another epoch/);
  const { epoch, newest } = await next.log.state(busy);
  assert.notEqual(epoch, position.epoch);
  assert.deepEqual(
    await resumable(next, busy, position.epoch),
    Array.from({ length: newest + 1 }, (_, offset) => offset),
  );
  await next.close();
  assert.notEqual(readFileSync(marker(), "utf8"), named);
  const again = await openTestEngine(folder, { durability: "os" });
  assert.equal((await again.log.state(busy)).epoch, epoch);
  await again.close();
});

test("rooms of a folder of an earlier format keep their epochs; new ones have their own, and readers that wait in one resume", async () => {
  await makeOldLog(folder, {
    one: { number: 1, oldest: 1, texts: ["1", "2"] },
    two: { number: 2, oldest: 1, texts: ["1"] },
  });
  writeFileSync(marker(), `{"epoch":12345}\n`);
  for (let start = 0; start < 2; start++) {
    const engine = await openTestEngine(folder);
    const epochs = [];
    for (const room of ["one", "two", "three"] as RoomId[]) epochs.push((await engine.log.state(room)).epoch);
    assert.deepEqual(epochs.slice(0, 2), [12_345, 12_345]);
    assert.notEqual(epochs[2], 12_345);
    assert.deepEqual((await engine.log.state("three" as RoomId)).lineage, [{ epoch: 12_345, top: 0 }]);
    const { position } = await sendText(engine, "three" as RoomId, "1");
    assert.equal(position.epoch, epochs[2]);
    assert.equal((await sendText(engine, "one" as RoomId, `more ${start}`)).position.epoch, 12_345);
    await engine.close();
  }
});
