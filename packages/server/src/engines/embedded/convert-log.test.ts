import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { decodeChatMessage } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import { open } from "lmdb";
import type { Engine, RoomId } from "../../core/index.js";
import { wholePage } from "../../testing/engine-suite/setup.js";
import { makeOldLog, type OldRoom } from "./testing/old-log.js";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

let folder = "";
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

function texts(room: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${room} ${at} ${"x".repeat((at * 37) % 300)}`);
}

const rooms: Readonly<Record<string, OldRoom>> = {
  long: { number: 1, oldest: 1, texts: texts("long", 9_000) },
  trimmed: { number: 7, oldest: 501, texts: texts("trimmed", 300), refused: ["refused 1", "refused 2"] },
  one: { number: 8, oldest: 1, texts: ["alone"] },
};

async function textsOf(engine: Engine, room: string): Promise<string[]> {
  const { entries } = (await engine.log.readForward(room as RoomId, 0, wholePage)).run;
  return entries.map(({ body }) => decodeChatMessage(body).text);
}

async function assertConverted(engine: Engine): Promise<void> {
  for (const [room, { oldest, texts: stored }] of Object.entries(rooms)) {
    assert.deepEqual(await textsOf(engine, room), stored, room);
    const { newest, messages, ...state } = await engine.log.state(room as RoomId);
    assert.deepEqual([state.oldest, newest, messages], [oldest, oldest + stored.length - 1, stored.length]);
  }
}

function tableSize(name: string): number {
  const root = open({ path: join(folder, "log.mdb"), maxDbs: 8 });
  const size = root.openDB({ name, encoding: "binary", keyEncoding: "binary" }).getKeysCount();
  void root.close();
  return size;
}

test("a log with a key for each message is converted when it is opened, and goes on", async () => {
  await makeOldLog(folder, rooms);
  const notices: string[] = [];
  const engine = await openTestEngine(folder, { log: { warn: (_facts, text) => notices.push(text) } });
  assert.ok(notices.includes("the log has an earlier format and is converted; this may take a while"), String(notices));
  await assertConverted(engine);
  const body = (await engine.log.readForward("one" as RoomId, 0, wholePage)).run.entries[0]?.body ?? new Uint8Array();
  const more = await engine.log.append("trimmed" as RoomId, { body, sentAtMs: 1, dedupeKey: undefined });
  assert.equal(more.position.offset, 801, "after the newest, not after what was refused");
  await engine.close();
  assert.equal(tableSize("entries"), 0);
  assert.ok(tableSize("blocks") < 200);
  const quiet: string[] = [];
  const again = await openTestEngine(folder, { log: { warn: (_facts, text) => quiet.push(text) } });
  assert.deepEqual(quiet, []);
  assert.equal((await textsOf(again, "trimmed")).length, 301);
  await again.close();
});

test("a conversion that is killed again and again is finished by a later start", async () => {
  await makeOldLog(folder, rooms);
  const random = new Random(4);
  let killed = 0;
  for (let round = 0; round < 12; round++) {
    const program = startEngineProcess();
    const opened = program.ask(`open ${folder}`).catch(() => "killed");
    await Promise.race([opened, pause(random.int(50, 700))]);
    await program.kill();
    if ((await opened) === "killed") killed++;
  }
  assert.ok(killed > 0);
  const engine = await openTestEngine(folder);
  await assertConverted(engine);
  await engine.close();
});
