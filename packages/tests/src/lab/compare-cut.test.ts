import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { requirePart } from "../optional-parts.js";
import { processesWith } from "./processes.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

interface Cut {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly json: string;
  readonly html: string;
  /** Where it keeps its files while it runs; empty before. */
  readonly temporary: string;
}

/** Run a comparison, and end it with a signal when its first transport has been counted and its second has not. */
async function cutBy(signal: NodeJS.Signals, look: (cut: Cut) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "confab-compare-cut-"));
  const temporary = join(folder, "tmp");
  await mkdir(temporary);
  try {
    const [json, html] = [join(folder, "cut.json"), join(folder, "cut.html")];
    const args = [confab, "compare", "--quick", "--transports", "websocket,sse", "--json", json, "--html", html];
    const env = { ...process.env, TMPDIR: temporary };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
    let stderr = "";
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (/^SSE \+ REST: bytes/m.test(stderr)) child.kill(signal);
    });
    const [code] = (await once(child, "close")) as [number | null];
    await look({ code, stdout, stderr, json, html, temporary });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("confab compare, cut short", () => {
  // A terminal that was closed (SIGHUP) left the server running, and its log on the disk.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`ends by ${signal} with what it has, marked so, and leaves nothing behind`, () =>
      cutBy(signal, async ({ code, stdout, stderr, json, html, temporary }) => {
        assert.equal(code, 130, stderr);
        const report = JSON.parse(await readFile(json, "utf8")) as {
          readonly complete: boolean;
          readonly contenders: readonly { readonly bytes: readonly unknown[] }[];
        };
        assert.equal(report.complete, false);
        assert.notEqual(report.contenders[0]?.bytes.length, 0);
        assert.match(stdout, /^INTERRUPTED/m);
        assert.match(await readFile(html, "utf8"), /Interrupted: this is what was measured until then/);
        assert.deepEqual(await readdir(temporary), [], "folders left");
        assert.deepEqual(await processesWith(`TMPDIR=${temporary}`), [], "processes left");
      }));
  }

  // `confab serve` ran on: its parent's end was nothing to it.
  it("killed, leaves no process behind", async (t) => {
    if (requirePart(t, "setpriv") === undefined) return;
    await cutBy("SIGKILL", async ({ code, temporary }) => {
      assert.equal(code, null);
      // They are killed by then, but the kernel may still be about to take them away.
      const left = () => processesWith(`TMPDIR=${temporary}`);
      for (let asked = 0; asked < 1_000 && (await left()).length > 0; asked += 1) await sleep(20);
      assert.deepEqual(await left(), [], "processes left");
    });
  });
});
