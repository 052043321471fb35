import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { startProgram } from "../fixture/live-program.js";
import { runProgram } from "../fixture/run-program.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

describe("confab serve with settings from a file and from the environment", () => {
  let folder: string;
  const path = (name: string) => join(folder, name);
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "confab-test-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("uses them, warns of a mistyped variable, and keeps the limits that it was given", async () => {
    writeFileSync(path("confab.yaml"), "port: 1\ndata: data\nlimits:\n  maxMessageBytes: 1024\n");
    const server = startProgram(process.execPath, [confab, "serve", "--config", path("confab.yaml")], {
      joinsStderr: true,
      env: { ...process.env, CONFAB_PORT: "0", CONFAB_ALOW_HOST: "chat.example", CONFAB_ALLOW_HOST: "chat2.example" },
    });
    try {
      const shown = await server.until(/Ctrl-C stops it/);
      assert.match(shown, /CONFAB_ALOW_HOST is not a setting, and has no effect; did you mean CONFAB_ALLOW_HOST\?/);
      assert.ok(shown.includes(`messages are kept in ${path("data")} `), shown);
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(shown)?.[0] ?? "";
      const reply = await fetch(`${url}/v1/rooms/lobby/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "ann", text: "x".repeat(1_100) }),
      });
      assert.match(await reply.text(), /maxMessageBytes is 1024/);
    } finally {
      await server.stop();
    }
  });

  it("prints them with their origins instead of starting, and no secret", async () => {
    writeFileSync(path("print.yaml"), "retention-age: 12h\n");
    writeFileSync(path("engine"), "redis://:hush@db\n");
    const args = [confab, "serve", "--print-config", "--config", path("print.yaml"), "--port", "9000"];
    const { code, stdout, stderr } = await runProgram(process.execPath, args, {
      env: { ...process.env, CONFAB_ENGINE_FILE: path("engine") },
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^port: 9000 +# --port$/m);
    assert.match(stdout, /^retention-age: 12h +# .*print\.yaml:1$/m);
    assert.match(stdout, /^# engine: \(hidden\) +# CONFAB_ENGINE_FILE$/m);
    assert.doesNotMatch(stdout, /hush/);
  });

  it("prints a file that it starts with, from another folder too", async () => {
    const options = ["--audit-log", "audit.log", "--host", "localhost"];
    const printed = await runProgram(process.execPath, [confab, "serve", "--print-config", ...options], {
      cwd: folder,
    });
    writeFileSync(path("printed.yaml"), printed.stdout);
    const args = [confab, "serve", "--print-config", "--config", path("printed.yaml")];
    const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: "/" });
    assert.deepEqual([code, stderr], [0, ""]);
    const given = (text: string) => [...text.matchAll(/^(?!#).*?(?= +# )/gm)].map(([row]) => row);
    assert.deepEqual(given(stdout), given(printed.stdout));
    assert.equal(given(stdout).length, 2);
  });

  it("does not start on a wrong file, and says the line", async () => {
    writeFileSync(path("wrong.yaml"), "port: 8080\nretention-age: 7 days\n");
    const args = [confab, "serve", "--config", path("wrong.yaml"), "--data", path("none")];
    const { code, stderr } = await runProgram(process.execPath, args);
    assert.equal(code, 2);
    assert.match(stderr, /^confab: .*wrong\.yaml:2: retention-age: 7 days: must be a time such as 90s/);
    writeFileSync(path("open.yaml"), "port: 0\nhost: 0.0.0.0\n");
    const open = await runProgram(process.execPath, [confab, "serve", "--config", path("open.yaml")], { cwd: folder });
    assert.match(open.stderr, /^confab: .*open\.yaml:2: host is 0\.0\.0\.0, and callers are asked for no token/);
  });
});
