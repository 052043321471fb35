import assert from "node:assert/strict";
import { rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../fixture/run-program.js";
import { sendTo } from "./serve-on.js";
import { withServers } from "./two-servers.js";

const confab = new URL("../../../cli/dist/main.js", import.meta.url).pathname;

// `--data /proc/nope` ran at full speed for ever and ignored SIGTERM.
for (const dataDir of ["/proc/nope", "/dev/null"]) {
  const skip = process.platform !== "linux" && "these places are those of Linux";
  test(`serve on ${dataDir} ends with one line and exit code 1`, { skip }, async () => {
    const { code, stdout, stderr } = await runProgram(process.execPath, [
      confab,
      "serve",
      "--port",
      "0",
      "--data",
      dataDir,
    ]);
    assert.match(stderr, /^confab: --data .*cannot be written \(E[A-Z]+\).*\n$/);
    assert.deepEqual([code, stdout, stderr.split("\n").length], [1, "", 2]);
  });
}

test("a server whose folder is deleted is not ready, refuses sends, and still stops when it is told to", async () => {
  await withServers(async (dataDir, start) => {
    const attempt = start();
    const url = await attempt.url;
    assert.ok(url !== undefined);
    assert.equal(await sendTo(url, "kept"), 1);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    await rm(dataDir, { recursive: true });
    const ready = await fetch(`${url}/readyz`);
    assert.deepEqual(
      [ready.status, await ready.json()],
      [503, { status: "not ready", reason: `the data folder ${dataDir} was deleted or moved` }],
    );
    assert.match(String(await sendTo(url, "lost")), /ENGINE_UNAVAILABLE/);
    process.kill(attempt.program.pid, "SIGTERM");
    await attempt.program.ended;
  });
});

const damages: readonly (readonly [what: string, damage: (log: string) => Promise<void>, reason: RegExp])[] = [
  ["was cut to half", async (log) => truncate(log, (await stat(log)).size / 2), /it is damaged: /],
  ["is gone", (log) => rm(log), /it is gone, although the folder had a log/],
];

for (const [what, damage, reason] of damages) {
  test(`a server that was killed, and whose log ${what}, ends at its next start with one line and exit code 1`, async () => {
    await withServers(async (dataDir, start) => {
      const attempt = start();
      const url = await attempt.url;
      assert.ok(url !== undefined);
      for (let i = 0; i < 30; i++) await sendTo(url, "x".repeat(2_000));
      await attempt.program.stop();
      await damage(join(dataDir, "log.mdb"));
      const { code, stderr } = await runProgram(process.execPath, [confab, "serve", "--port", "0", "--data", dataDir]);
      assert.equal(code, 1);
      const [line = "", ...rest] = stderr.trimEnd().split("\n").reverse();
      assert.match(line, /^confab: --data /);
      assert.match(line, reason);
      for (const notice of rest) assert.match(notice, /the log was not closed in order; it is checked/);
    });
  });
}
