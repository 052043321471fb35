import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { open } from "lmdb";
import { aRoom } from "../../testing/engine-suite/setup.js";
import { StoreError } from "./index.js";
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
}

function refusal(text: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.match(error.message, text);
    return true;
  };
}

test("a folder that is not there is made, with those above it", async () => {
  await assertUsable(join(folder, "a", "b"));
});

// In /proc, Node's own recursive mkdir never returned: the server ran at full speed and ignored SIGTERM.
const badPlaces: readonly (readonly [what: string, path: (folder: string) => string, code: string])[] = [
  ["is a file", (path) => made(join(path, "file")), "EEXIST"],
  ["lies below a file", (path) => join(made(join(path, "file")), "below"), "ENOTDIR"],
  ["is a link to nowhere", (path) => linked(join(path, "link"), join(path, "nowhere", "else")), "ENOENT"],
  [
    "lies below a link to nowhere",
    (path) => join(linked(join(path, "link"), join(path, "nowhere")), "below"),
    "ENOENT",
  ],
  ["is a link to itself", (path) => linked(join(path, "link"), join(path, "link")), "ELOOP"],
  ["is a device", () => "/dev/null", "EEXIST"],
  ["lies below a device", () => "/dev/null/below", "ENOTDIR"],
  ["is in /proc, where nothing can be made", () => "/proc/nope", "ENOENT"],
  ["lies deep in /proc", () => "/proc/nope/and/below", "ENOENT"],
  ["is /proc", () => "/proc", "ENOENT"],
  ["has a name that is too long", (path) => join(path, "x".repeat(300)), "ENAMETOOLONG"],
  ["is an empty name", () => "", "ENOENT"],
];

for (const [what, path, code] of badPlaces) {
  const skip = process.platform !== "linux" && "the codes and /proc are those of Linux";
  test(`a folder that ${what} is refused with ${code} and the option to change`, { skip }, async () => {
    await assert.rejects(openTestEngine(path(folder)), refusal(new RegExp(`cannot be written \\(${code}\\).*--data`)));
  });
}

function made(file: string): string {
  writeFileSync(file, "");
  return file;
}

function linked(link: string, target: string): string {
  symlinkSync(target, link);
  return link;
}

test("a folder on a read-only disk is refused, whether it has a log or not", async (t) => {
  await assertUsable(join(folder, "old"));
  try {
    execFileSync("mount", ["--bind", folder, folder], { stdio: "pipe" });
    execFileSync("mount", ["-o", "remount,bind,ro", folder], { stdio: "pipe" });
  } catch (error) {
    t.skip(`mounting needs root on Linux: ${error instanceof Error ? error.message.split("\n")[0] : ""}`);
    return;
  }
  try {
    for (const name of ["old", "new"])
      await assert.rejects(openTestEngine(join(folder, name)), refusal(/cannot be written \(EROFS\).*--data/));
  } finally {
    execFileSync("umount", ["--lazy", folder]);
  }
  await assertUsable(join(folder, "old"));
});

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

for (const umask of [0, 0o022, 0o777]) {
  test(`with umask ${umask.toString(8)} the folder is its owner's alone, and so is each file in it`, async () => {
    const data = join(folder, "data");
    const before = process.umask(umask);
    try {
      await assertUsable(data);
    } finally {
      process.umask(before);
    }
    assert.equal(modeOf(data), "700");
    const names = readdirSync(data);
    assert.ok(names.length >= 5, String(names));
    assert.deepEqual(new Set(names.map((name) => modeOf(join(data, name)))), new Set(["600"]));
  });
}

test("a folder and files of an earlier version, which all could read, are closed to others; a folder with other files stays as it is", async () => {
  const data = join(folder, "data");
  await assertUsable(data);
  chmodSync(data, 0o755);
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o644);
  await assertUsable(data);
  assert.equal(modeOf(data), "700");
  writeFileSync(join(data, "notes.txt"), "", { mode: 0o644 });
  chmodSync(data, 0o755);
  for (const name of readdirSync(data)) chmodSync(join(data, name), 0o644);
  await assertUsable(data);
  assert.equal(modeOf(data), "755");
  assert.equal(modeOf(join(data, "notes.txt")), "644");
  assert.equal(modeOf(join(data, "log.mdb")), "600");
});

test("a folder without the right to write is refused", {
  skip: process.getuid?.() === 0 && "root may write anywhere",
}, async () => {
  chmodSync(folder, 0o500);
  await assert.rejects(openTestEngine(folder), refusal(/cannot be written \(EACCES\).*--data/));
  chmodSync(folder, 0o700);
});

test("a log of a newer format is refused by its number, is not changed, and is released", async () => {
  await assertUsable();
  const log = open<Buffer, Buffer>({ path: join(folder, "log.mdb"), encoding: "binary" });
  const meta = log.openDB<Buffer, Buffer>({ name: "meta", encoding: "binary", keyEncoding: "binary" });
  await meta.put(Buffer.from("format"), Buffer.from([0, 0, 0, 5]));
  await log.close();
  for (let i = 0; i < 2; i++) {
    await assert.rejects(openTestEngine(folder), refusal(/has format 5, and this version reads up to 4/));
  }
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
