import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { FolderLockedError } from "./index.js";
import { type EngineProcess, startEngineProcess } from "./testing/start-engine-process.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

let folder = "";
let processes: EngineProcess[] = [];
beforeEach(() => {
  folder = testFolder();
  processes = [];
});
afterEach(async () => {
  await Promise.all(processes.map((each) => each.kill()));
  rmSync(folder, { recursive: true, force: true });
});

function start(by: readonly string[] = []): EngineProcess {
  const started = startEngineProcess(by);
  processes.push(started);
  return started;
}

const inNewPidNamespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] as const;

/** Why there are no PID namespaces here; false: there are. */
const noNamespaces = (() => {
  const [program, ...args] = inNewPidNamespace;
  const { status, error, stderr } = spawnSync(program, [...args, "true"], { encoding: "utf8" });
  return status === 0 ? false : `PID namespaces need unshare and root on Linux: ${error?.message ?? stderr.trim()}`;
})();

test("a folder that another process serves is refused by that process's id, and served when it is killed", async () => {
  const other = start();
  assert.equal(await other.ask(`open ${folder}`), "open");
  await assert.rejects(openTestEngine(folder), (error) => {
    assert.ok(error instanceof FolderLockedError, String(error));
    assert.equal(error.message, `the data folder ${folder} is in use by process ${other.pid}`);
    return true;
  });
  assert.equal(await other.ask("send one"), "acknowledged 1");
  await other.kill();
  const engine = await openTestEngine(folder);
  await engine.close();
});

test("a folder that this very process serves is refused, by any of its paths, and stays locked for others", async () => {
  const engine = await openTestEngine(folder);
  const link = join(folder, "link");
  symlinkSync(folder, link);
  for (const path of [folder, link]) await assert.rejects(openTestEngine(path), FolderLockedError);
  assert.match(await start().ask(`open ${folder}`), /^refused FolderLockedError: .* in use by process/);
  await engine.close();
  assert.equal(await start().ask(`open ${folder}`), "open");
});

for (const [where, by, skip] of [
  ["of one machine", [], false],
  ["each in its own PID namespace", inNewPidNamespace, noNamespaces],
] as const) {
  test(`of three processes ${where} that open a folder in the same moment exactly one serves it`, {
    skip,
  }, async () => {
    const random = new Random(11);
    const three = [start(by), start(by), start(by)];
    for (let round = 1; round <= 6; round++) {
      const data = join(folder, String(round));
      const answers = await Promise.all(
        three.map(async (each) => {
          await new Promise((resolve) => setTimeout(resolve, random.int(0, 3)));
          return each.ask(`open ${data}`);
        }),
      );
      const serving = three.filter((_, index) => answers[index] === "open");
      assert.equal(serving.length, 1, `round ${round}: ${answers.join(" | ")}`);
      for (const answer of answers) assert.match(answer, /^open$|^refused FolderLockedError: .* is in use by /);
      assert.equal(await serving[0]?.ask("send one"), "acknowledged 1");
      assert.equal(await serving[0]?.ask("close"), "closed");
    }
  });
}

test("servers with the same process id in two PID namespaces do not take each other for themselves", {
  skip: noNamespaces,
}, async () => {
  const [first, second] = [start(inNewPidNamespace), start(inNewPidNamespace)];
  assert.equal(await first.ask(`open ${folder}`), "open");
  const answer = await second.ask(`open ${folder}`);
  assert.match(
    answer,
    /^refused FolderLockedError: .* in use by a server of another container, whose process id is \d+ too$/,
  );
  assert.equal(await first.ask("send one"), "acknowledged 1");
  await first.kill();
  // What is left of the first looks as if the second had left it, and does not keep the second out.
  assert.equal(await second.ask(`open ${folder}`), "open");
  assert.equal(await second.ask("send two"), "acknowledged 2");
});

test("a stopped server keeps its folder: another one is refused, and it goes on when it is continued", async () => {
  const [owner, other] = [start(), start()];
  assert.equal(await owner.ask(`open ${folder}`), "open");
  assert.equal(await owner.ask("send one"), "acknowledged 1");
  owner.signal("SIGSTOP");
  assert.match(await other.ask(`open ${folder}`), /^refused FolderLockedError/);
  owner.signal("SIGCONT");
  assert.equal(await owner.ask("send two"), "acknowledged 2");
});

// A power cut in the first moments of a folder can leave any part of this file.
for (const [what, content] of [
  ["empty", ""],
  ["cut off", "x".repeat(512)],
  ["zeros", "\0".repeat(8_192)],
] as const) {
  test(`a file of the lock that is ${what} keeps no server from starting, and a server keeps its lock`, async () => {
    writeFileSync(join(folder, "lock.mdb"), content);
    const [first, second] = [start(), start()];
    assert.equal(await first.ask(`open ${folder}`), "open");
    writeFileSync(join(folder, "lock.mdb.new"), content);
    renameSync(join(folder, "lock.mdb.new"), join(folder, "lock.mdb"));
    assert.match(await second.ask(`open ${folder}`), /^refused FolderLockedError/);
    assert.equal(await first.ask("send one"), "acknowledged 1");
  });
}

// An administrator who "cleans up" gives the folder to a second server, which is what the token in each commit is for.
for (const state of ["idle", "stopped"] as const) {
  test(`when the lock's files are removed and another server opens the folder, the first one (${state}) acknowledges nothing more`, async () => {
    const [first, second] = [start(), start()];
    assert.equal(await first.ask(`open ${folder}`), "open");
    assert.equal(await first.ask("send one"), "acknowledged 1");
    if (state === "stopped") first.signal("SIGSTOP");
    for (const name of readdirSync(folder)) if (name.includes("lock")) rmSync(join(folder, name));
    assert.equal(await second.ask(`open ${folder}`), "open");
    if (state === "stopped") first.signal("SIGCONT");
    const answers = await Promise.all([first.ask("send two"), second.ask("send three")]);
    assert.match(answers[0] ?? "", /^failed ENGINE_UNAVAILABLE/);
    assert.equal(answers[1], "acknowledged 2");
    assert.match(await first.ask("trouble"), /^trouble (another server has taken|the data folder .* was replaced)/);
    await first.ask("close");
    assert.equal(await second.ask("send four"), "acknowledged 3");
  });
}
