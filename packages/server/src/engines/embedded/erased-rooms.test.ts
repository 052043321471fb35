import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeBody } from "@confab/contract";
import type { Engine, RoomId } from "../../core/index.js";
import { eraseUser } from "../../core/user-erasure.js";
import { filledWith, tokensInFiles } from "./testing/erased-texts.js";
import { ScrubLog } from "./testing/scrub-log.js";
import { openTestEngine, sayText, testFolder, textsIn } from "./testing/test-engine.js";

let folder = "";
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const [vault, hall] = ["vault", "hall"] as RoomId[] as [RoomId, RoomId];
const unshared = { begin: () => undefined, spend: () => undefined };

async function openScrubbing(scrubDelayMs = 1) {
  const log = new ScrubLog();
  const engine = await openTestEngine(folder, { scrubDelayMs, sweepIntervalMs: 5, log });
  return { engine, scrubbed: () => log.scrubbed() };
}

function filesWith(text: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((each) => each.isFile() && readFileSync(join(folder, each.name)).includes(text))
    .map(({ name }) => name);
}

async function sayAs(engine: Engine, room: RoomId, user: string, text: string): Promise<void> {
  const id = `id-${text.slice(0, 12)}`;
  const body = encodeBody({ user, text, room, id, sentAtMs: 1 });
  await engine.log.append(room, { body, sentAtMs: 1, dedupeKey: `${user}\0${id}` });
}

for (const bytes of [10, 1_500, 100_000]) {
  test(`of a removed room with texts of ${bytes} bytes nothing is in a file after the scrub, and all else is`, async () => {
    const { engine, scrubbed } = await openScrubbing();
    for (let n = 1; n <= 20; n++) {
      await sayText(engine, vault, filledWith(`<<0.${n}>>`, bytes));
      await sayText(engine, hall, filledWith(`<<1.${n}>>`, bytes));
    }
    await sayAs(engine, vault, "user-of-the-vault", "hello");
    assert.equal(await engine.log.remove(vault), 21);
    await sayText(engine, vault, filledWith("<<2.1>>", bytes));
    await scrubbed();
    const expected = ["<<2.1>>", ...Array.from({ length: 20 }, (_, at) => `<<1.${at + 1}>>`)].sort();
    assert.deepEqual([...tokensInFiles(folder).keys()].sort(), expected);
    assert.deepEqual(filesWith("user-of-the-vault"), []);
    await engine.close();
    assert.deepEqual([...tokensInFiles(folder).keys()].sort(), expected);
    assert.deepEqual(filesWith("user-of-the-vault"), []);
    const again = await openTestEngine(folder);
    assert.equal((await textsIn(again, hall)).length, 20);
    assert.equal((await textsIn(again, vault)).length, 1);
    await again.close();
  });
}

test("neither the texts nor the name of an erased user are in a file after the scrub", async () => {
  const { engine, scrubbed } = await openScrubbing();
  for (let n = 0; n < 400; n++) {
    const room = n % 3 === 0 ? hall : vault;
    await sayAs(engine, room, n % 2 === 0 ? "erika-mustermann" : "otto", `${n}-${n % 2 === 0 ? "private" : "public"}`);
  }
  for (const room of [hall, vault]) {
    const { epoch } = await engine.log.state(room);
    const users = ["erika-mustermann", ...Array.from({ length: 500 }, (_, n) => `visitor-${n}`)];
    const position = { epoch, offset: 1 };
    await Promise.all(users.map((user) => engine.marks.move(room, { user, position, changes: 0, atMs: 1 })));
  }
  const done = await eraseUser(engine, { user: "erika-mustermann", from: undefined, share: unshared });
  assert.deepEqual([done.messages, done.rooms, done.next], [200, 2, undefined]);
  await scrubbed();
  for (const gone of ["erika-mustermann", "-private"]) assert.deepEqual(filesWith(gone), [], gone);
  assert.ok(filesWith("-public").length > 0);
  await engine.close();
  for (const gone of ["erika-mustermann", "-private"]) assert.deepEqual(filesWith(gone), [], gone);
});

for (const lines of [40, 150, 400]) {
  test(`a room whose removal was acknowledged is gone after kill -9, one in the middle of it is whole or gone: ${lines} lines`, async () => {
    const rooms = await runUntilKilled(lines);
    const { engine, scrubbed } = await openScrubbing();
    for (const [room, what] of rooms) {
      const { length } = await textsIn(engine, room as RoomId);
      const expected = what === "filled" ? [50] : what === "removed" ? [0] : [0, 50];
      assert.ok(expected.includes(length), `${what} ${room}: ${length} messages`);
    }
    await sayText(engine, hall, "again");
    await engine.log.remove(hall);
    await scrubbed();
    const removed = new Set([...rooms].flatMap(([room, what]) => (what === "removed" ? [room.slice(1)] : [])));
    assert.ok(removed.size > 0);
    const left = [...tokensInFiles(folder).keys()].filter((token) => removed.has(token.slice(2, 7)));
    assert.deepEqual(left, []);
    await engine.close();
  });
}

/** What the process said last of each room. */
async function runUntilKilled(lines: number): Promise<Map<string, string>> {
  const program = fileURLToPath(new URL("./testing/removing-process.js", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
  if (!child.stdout) throw new Error("the process did not start");
  const said = new Map<string, string>();
  const reader = createInterface({ input: child.stdout });
  let count = 0;
  reader.on("line", (line) => {
    const [what = "", room = ""] = line.split(" ");
    said.set(room, what);
    if (++count === lines) child.kill("SIGKILL");
  });
  const [[, signal]] = await Promise.all([once(child, "exit"), once(reader, "close")]);
  assert.equal(signal, "SIGKILL", "the process ended by itself");
  return said;
}

test("no name of those who read a room that was removed is in a file after the scrub", async () => {
  const { engine, scrubbed } = await openScrubbing();
  await sayAs(engine, hall, "otto", "hello");
  await sayAs(engine, vault, "otto", "hello");
  const move = async (room: RoomId, user: string) => {
    const { epoch } = await engine.log.state(room);
    return engine.marks.move(room, { user, position: { epoch, offset: 1 }, changes: 0, atMs: 1 });
  };
  await Promise.all(Array.from({ length: 3_000 }, (_, n) => move(vault, `erika-${n}`)));
  await move(hall, "max-mustermann");
  await engine.log.remove(vault);
  await scrubbed();
  assert.deepEqual(filesWith("erika-"), []);
  assert.ok(filesWith("max-mustermann").length > 0);
  await engine.close();
});
