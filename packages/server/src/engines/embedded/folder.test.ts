import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { open } from "lmdb";
import { aRoom } from "../../testing/engine-suite/setup.js";
import { FolderLockedError, StoreError } from "./index.js";
import { startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

let folder = "";
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => rmSync(folder, { recursive: true }));

const entry = { body: new Uint8Array(10), sentAtMs: 1, dedupeKey: undefined };

/** Open, write, close: the folder is good, and nothing is left of what was tried before. */
async function assertUsable(path = folder): Promise<void> {
  const engine = await openTestEngine(path);
  await engine.log.append(aRoom, entry);
  await engine.close();
  assert.ok(!existsSync(join(path, "lock")));
}

function refusal(kind: typeof StoreError | typeof FolderLockedError, text: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof kind, String(error));
    assert.match(error.message, text);
    return true;
  };
}

test("a folder that is not there is made, with those above it", async () => {
  await assertUsable(join(folder, "a", "b"));
});

test("a folder that another process serves is refused by that process's id, and served when it is gone", async () => {
  const other = await startEngineProcess(folder, "hold");
  try {
    await assert.rejects(openTestEngine(folder), refusal(FolderLockedError, new RegExp(`by process ${other.pid}$`)));
  } finally {
    await other.kill();
  }
  assert.ok(existsSync(join(folder, "lock")), "it was killed, so it left its lock");
  await assertUsable();
});

test("a folder that this very process serves is refused", async () => {
  const engine = await openTestEngine(folder);
  await assert.rejects(openTestEngine(folder), refusal(FolderLockedError, new RegExp(`by process ${process.pid}$`)));
  await engine.close();
  await assertUsable();
});

const staleLocks: readonly (readonly [what: string, text: string])[] = [
  ["of a process that is gone", `${2 ** 22 + 7} 123`],
  ["of an earlier process with this one's id", `${process.pid} 1`],
  ["that is empty", ""],
  ["that is garbage", "no process at all"],
  ["with a negative id", "-1 0"],
];

for (const [what, text] of staleLocks) {
  test(`a lock ${what} is taken over`, async () => {
    writeFileSync(join(folder, "lock"), text);
    await assertUsable();
  });
}

test("a lock that somebody else has taken over is left alone by the one that had it", async () => {
  const engine = await openTestEngine(folder);
  writeFileSync(join(folder, "lock"), "1 another");
  await engine.close();
  assert.equal(readFileSync(join(folder, "lock"), "utf8"), "1 another");
});

test("a folder that cannot be made, or whose place is a file, is refused with the option to change", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "below")]) {
    await assert.rejects(openTestEngine(path), refusal(StoreError, /cannot be written \(E[A-Z]+\).*--data/));
  }
});

test("a folder without the right to write is refused", {
  skip: process.getuid?.() === 0 && "root may write anywhere",
}, async () => {
  chmodSync(folder, 0o500);
  await assert.rejects(openTestEngine(folder), refusal(StoreError, /cannot be written \(EACCES\).*--data/));
  chmodSync(folder, 0o700);
});

test("a log of a newer format is refused by its number, is not changed, and is released", async () => {
  await assertUsable();
  const log = open<Buffer, Buffer>({ path: join(folder, "log.mdb"), encoding: "binary" });
  const meta = log.openDB<Buffer, Buffer>({ name: "meta", encoding: "binary", keyEncoding: "binary" });
  await meta.put(Buffer.from("format"), Buffer.from([0, 0, 0, 2]));
  await log.close();
  for (let i = 0; i < 2; i++) {
    await assert.rejects(openTestEngine(folder), refusal(StoreError, /has format 2, and this version reads up to 1/));
  }
  assert.ok(!existsSync(join(folder, "lock")));
});

// LMDB's binding ends the process by a segmentation fault when it cannot open a file.
const brokenFiles: readonly (readonly [what: string, make: (path: string) => void])[] = [
  ["is text", (path) => writeFileSync(path, "some other program's file\n".repeat(1_000))],
  ["is zeros", (path) => writeFileSync(path, Buffer.alloc(65_536))],
  ["is cut off in its first page", (path) => truncateSync(path, 100)],
  ["is cut off after its first page", (path) => truncateSync(path, 4_096)],
  [
    "is a folder",
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
];

for (const [what, make] of brokenFiles) {
  test(`a log file that ${what} is refused, and the process lives`, async () => {
    await assertUsable();
    make(join(folder, "log.mdb"));
    await assert.rejects(openTestEngine(folder), refusal(StoreError, /log\.mdb cannot be opened: it is .*--data/));
    assert.ok(!existsSync(join(folder, "lock")));
  });
}

test("an empty log file is a new log", async () => {
  writeFileSync(join(folder, "log.mdb"), "");
  await assertUsable();
});

test("a new folder is another log: its epoch is its own, and stays", async () => {
  const epochs: number[] = [];
  for (const path of [folder, folder, join(folder, "other")]) {
    const engine = await openTestEngine(path);
    epochs.push((await engine.log.state(aRoom)).epoch);
    await engine.close();
  }
  assert.equal(epochs[0], epochs[1]);
  assert.notEqual(epochs[0], epochs[2]);
});

test("acknowledgements that only mean written to the operating system are the same in all else", async () => {
  const engine = await openTestEngine(folder, { durability: "os" });
  assert.equal((await engine.log.append(aRoom, entry)).position.offset, 1);
  await engine.close();
  const reopened = await openTestEngine(folder);
  assert.equal((await reopened.log.state(aRoom)).newest, 1);
  await reopened.close();
});
