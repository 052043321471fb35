import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
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

interface Running {
  /** The comparison's own process. */
  kill(signal: NodeJS.Signals): void;
  readonly temporary: string;
}

/** End a comparison with a signal. */
function cutBy(signal: NodeJS.Signals, look: (cut: Cut) => Promise<void>): Promise<void> {
  return compared(({ kill }) => kill(signal), look);
}

/** Run a comparison; `disturb` it when its first transport has been counted and its second has not. */
async function compared(disturb: (running: Running) => void, look: (cut: Cut) => Promise<void>): Promise<void> {
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
    let isDisturbed = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (isDisturbed || !/^SSE \+ REST: bytes/m.test(stderr)) return;
      isDisturbed = true;
      disturb({ kill: (signal) => child.kill(signal), temporary });
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
        assert.match(await readFile(html, "utf8"), /Interrupted\. What follows was measured until then/);
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

  // Each part that was left failed with ECONNREFUSED, and nothing said why.
  it("says once that its server ended, and reports what was measured until then", async () => {
    const killServer = async ({ temporary }: Running) => {
      for (const id of await processesWith(`TMPDIR=${temporary}`)) {
        const words = (await readFile(`/proc/${id}/cmdline`, "latin1")).split("\0");
        if (words.includes("serve")) process.kill(Number(id), "SIGKILL");
      }
    };
    await compared(
      (running) => void killServer(running),
      async ({ code, stdout, stderr, json, temporary }) => {
        assert.equal(code, 1, stderr);
        const ending = /the server ended while it was measured: SIGKILL/g;
        assert.equal(stderr.match(ending)?.length, 1, stderr);
        assert.doesNotMatch(stderr, /ECONN|failed:/);
        assert.match(stdout, ending);
        const { complete, contenders } = JSON.parse(await readFile(json, "utf8"));
        assert.equal(complete, false);
        assert.notEqual(contenders[0]?.bytes.length, 0);
        assert.deepEqual(await processesWith(`TMPDIR=${temporary}`), [], "processes left");
      },
    );
  });
});

/**
 * Stands in for util-linux's `setpriv`, by which the comparison starts its processes. Programs whose arguments match
 * `pattern` run `spared` times and then fail.
 */
function failingStarter(folder: string, pattern: string, spared: number): string {
  return `#!/bin/sh
shift 2
case " $* " in
${pattern})
  if [ "$(wc -c < "${folder}/started")" -ge ${spared} ]; then echo "Error: no more today" >&2; exit 7; fi
  printf . >> "${folder}/started";;
esac
exec "$@"
`;
}

// "INTERRUPTED" was all that the first line of the report said, or each part of each transport failed by itself.
describe("confab compare, when a process does not start", () => {
  async function comparedWith(pattern: string, spared: number, transports = "sse,grpc") {
    const folder = await mkdtemp(join(tmpdir(), "confab-compare-start-"));
    try {
      await writeFile(join(folder, "started"), "");
      await writeFile(join(folder, "setpriv"), failingStarter(folder, pattern, spared), { mode: 0o755 });
      const small = ["--quick", "--transports", transports, "--rounds", "1", "--seconds", "0.1", "--subscribers", "1"];
      const env = { ...process.env, PATH: `${folder}${delimiter}${process.env["PATH"]}` };
      return await runProgram(process.execPath, [confab, "compare", ...small], { env });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  it("the server: it names the part, the exit code and the error, and there is no report", async () => {
    const { code, stdout, stderr } = await comparedWith('*" serve "*', 0);
    assert.equal(code, 1);
    const why = "the server for all that is measured but memory did not start: exit code 7: Error: no more today";
    assert.ok(stderr.endsWith(`\nconfab: ${why}\n`), stderr);
    assert.equal(stdout, "");
  });

  it("all clients: it says so once, and there is no report", async () => {
    const { code, stdout, stderr } = await comparedWith("*client/main.js*", 0);
    assert.equal(code, 1);
    const why = "SSE + REST, gRPC: the client process did not start: exit code 7: Error: no more today";
    assert.ok(stderr.endsWith(`\nconfab: ${why}\n`), stderr);
    assert.equal(stdout, "");
  });

  it("a later server: the report has what was measured, and says which part is missing and why", async () => {
    const { code, stdout, stderr } = await comparedWith('*" serve "*', 1, "sse");
    assert.equal(code, 1);
    const why =
      /^NOT COMPLETE: the server for the memory of SSE \+ REST did not start: exit code 7: Error: no more today\./;
    assert.match(stdout.trim().replaceAll(/\s+/g, " "), why);
    assert.match(stdout, /^SSE \+ REST: send one +\d+/m);
    assert.doesNotMatch(`${stdout}${stderr}`, /interrupted/i);
    // No needs were named.
    assert.match(stdout, /^Recommended by latency, CPU and bytes alone: \w+/m);
    assert.match(stdout, /--needs with a list of browser, /);
  });
});

describe("confab compare on a machine that does not let it", () => {
  // There was a stack trace with 64 files, and minutes of failures with 256.
  it("says how many open files it needs, before it measures", async () => {
    const words = `ulimit -n 256 && exec "${process.execPath}" "${confab}" compare --quick --transports sse`;
    const { code, stderr } = await runProgram("/bin/sh", ["-c", words]);
    assert.equal(code, 1);
    assert.match(stderr, /^confab: .* 256 are allowed here: ulimit -n 1564\n$/);
  });

  // A stack trace was all there was after the minutes of measuring, and the page was not written.
  it("writes what it can when one of its files cannot be written, and says so in one line", async () => {
    const folder = await mkdtemp(join(tmpdir(), "confab-compare-full-"));
    try {
      const html = join(folder, "out.html");
      const small = ["--quick", "--transports", "sse", "--rounds", "1", "--seconds", "0.1"];
      const args = [confab, "compare", ...small, "--json", "/dev/full", "--html", html];
      const { code, stdout, stderr } = await runProgram(process.execPath, args);
      assert.equal(code, 1);
      assert.match(stderr, /\nconfab: --json \/dev\/full: ENOSPC[^\n]*\n$/);
      assert.match(stdout, /What is said of gRPC and WebSockets/);
      assert.match(await readFile(html, "utf8"), /<\/html>\s*$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
