import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Engine } from "../../core/index.js";
import { aRoom, wholePage, withCode } from "../../testing/engine-suite/setup.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

const diskBytes = 8 * 1_048_576;
const folder = testFolder();

/** A disk of a few megabytes, or why there is none. */
function mountDisk(): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${diskBytes}`, "confab-test", folder], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `mounting a small disk needs root on Linux: ${error instanceof Error ? error.message.split("\n")[0] : ""}`;
  }
}

const skip = mountDisk() ?? false;
after(() => {
  // Lazy: a test that failed may have left files open, and the mount would stay for good.
  if (skip === false) execFileSync("umount", ["--lazy", folder]);
  rmSync(folder, { recursive: true });
});

/** LMDB's binding writes to the console when a commit fails; this keeps it out of the test's output. */
async function withQuietConsole(run: () => Promise<void>): Promise<void> {
  const { error } = console;
  console.error = () => {
    // lmdb says it once more: every failure is in the sends' own errors.
  };
  try {
    await run();
  } finally {
    console.error = error;
  }
}

const entry = { body: new Uint8Array(1_000), sentAtMs: 1, dedupeKey: undefined };

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Leave no byte free. */
function fillDisk(name: string): void {
  const file = join(folder, name);
  try {
    writeFileSync(file, Buffer.alloc(freeBytes()));
  } catch {
    // Full earlier than announced is full as well.
  }
}

async function sendUntilRefused(engine: Engine): Promise<number> {
  for (let sent = 0; sent < 20_000; sent++) {
    try {
      await engine.log.append(aRoom, entry);
    } catch (error) {
      assert.ok(withCode("STORAGE_FULL")(error), String(error));
      return sent;
    }
  }
  assert.fail("the disk did not fill");
}

// A rejection that nobody handled ended the process; node:test fails a test during which there is one.
test("a full disk refuses sends with STORAGE_FULL, reading goes on, and sends too when there is space", { skip }, () =>
  withQuietConsole(async () => {
    const data = join(folder, "first");
    const engine = await openTestEngine(data);
    await engine.log.append(aRoom, entry);
    fillDisk("ballast");
    const sent = 1 + (await sendUntilRefused(engine));
    const burst = await Promise.allSettled(Array.from({ length: 10 }, () => engine.log.append(aRoom, entry)));
    assert.ok(burst.every((outcome) => outcome.status === "rejected" && withCode("STORAGE_FULL")(outcome.reason)));
    assert.equal(engine.trouble(), "the disk is full");
    const { run, newest } = await engine.log.readForward(aRoom, 0, wholePage);
    assert.deepEqual([run.count, newest], [sent, sent], "what was acknowledged, and nothing else");

    rmSync(join(folder, "ballast"));
    assert.equal((await engine.log.append(aRoom, entry)).position.offset, sent + 1);
    assert.equal(engine.trouble(), undefined);
    await engine.close();

    const reopened = await openTestEngine(data);
    assert.equal((await reopened.log.state(aRoom)).newest, sent + 1);
    await reopened.close();
    rmSync(data, { recursive: true });
  }),
);
