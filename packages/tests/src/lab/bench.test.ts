import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
import { processesWith } from "./processes.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

describe("confab bench", () => {
  it("interrupted, reports what was measured until then, says so, and leaves nothing behind", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confab-bench-test-"));
    try {
      const temporary = join(folder, "tmp");
      await mkdir(temporary);
      const [json, page] = [join(folder, "out.json"), join(folder, "out.md")];
      const args = ["bench", "--quick", "--only", "unary", "--targets", "grpc-js,connect-node", "--rounds", "50"];
      const child = spawn(process.execPath, [confab, ...args, "--json", json, "--markdown", page], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [stdout, progress] = ["", ""];
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        progress += text;
        // The first row has been measured by then.
        if (/^\[1\/\d+\] unary grpc-js/m.test(progress)) child.kill("SIGINT");
      });
      const [code] = (await once(child, "close")) as [number | null];
      assert.equal(code, 130, progress);
      assert.match(stdout, /^INTERRUPTED/m);
      assert.match(stdout, /^grpc-js, stores nothing +[0-9,]+ /m);
      assert.doesNotMatch(stdout, /could not run/);
      assert.match(await readFile(page, "utf8"), /^- INTERRUPTED/m);
      const run = JSON.parse(await readFile(json, "utf8")) as { isComplete: boolean; versions: Record<string, string> };
      assert.equal(run.isComplete, false);
      assert.match(run.versions["grpc-js"] ?? "", /^1\./);
      assert.deepEqual(await readdir(temporary), [], "folders left");
      assert.deepEqual(await processesWith(`TMPDIR=${temporary}`), [], "processes left");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("refuses a file that it could not write, or that is no earlier bench, before it measures", async () => {
    for (const [option, file, reason] of [
      ["--markdown", "/nowhere/out.md", /^--markdown: '\/nowhere\/out\.md' cannot be written$/m],
      ["--json", "/nowhere/out.json", /^--json: '\/nowhere\/out\.json' cannot be written$/m],
      ["--compare", confab, /^--compare: .* is not what --json of this bench writes$/m],
    ] as const) {
      const { code, stderr } = await runProgram(process.execPath, [confab, "bench", option, file]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, reason);
    }
  });
});
