import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

function run(args: readonly string[], input = "") {
  return runProgram(process.execPath, [confab, ...args], { input });
}

function send({ url }: ServerProcess, room: string, texts: readonly string[]) {
  return run(["send", room, "--user", "ann", "--quiet", "--url", url], texts.join("\n"));
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "confab-cli-test-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("history of a data folder is what the server says over the network", () =>
  withFolder(async (dataDir) => {
    const server = await startServerProcess({ dataDir });
    try {
      await send(
        server,
        "long",
        Array.from({ length: 1_100 }, (_, index) => `line ${index}`),
      );
      const both = async (...args: string[]) => {
        const here = await run(["history", ...args, "--data", dataDir]);
        const there = await run(["history", ...args, "--url", server.url]);
        assert.deepEqual(here, there, args.join(" "));
        return here.stdout.split("\n").slice(0, -1);
      };
      assert.equal((await both("long")).length, 50);
      const all = await both("long", "--limit", "2000", "--json");
      assert.equal(all.length, 1_100);
      const { position } = JSON.parse(all[599] ?? "");
      assert.equal((await both("long", "--after", position, "--limit", "1000", "--json")).length, 500);
      assert.equal((await both("long", "--before", position, "--limit", "100")).length, 100);
      assert.deepEqual(await both("never"), []);
      for (const args of [["long", "--after", "1:1"], ["no/room"]]) {
        const { code, stdout, stderr } = await run(["history", ...args, "--data", dataDir]);
        assert.deepEqual([code, stdout], [1, ""]);
        assert.match(stderr, /^confab: (OUT_OF_RANGE|INVALID_MESSAGE): /);
      }
    } finally {
      await server.stop();
    }
  }));

test("history of a data folder without a server ends with 3 and says so", () =>
  withFolder(async (dataDir) => {
    const { code, stdout, stderr } = await run(["history", "--data", dataDir]);
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, /^confab: the log in .* cannot be read: no server has it open; start it with confab serve\n$/);
  }));

test("history --follow prints what comes, also from the server that follows one that was killed", () =>
  withFolder(async (dataDir) => {
    let server = await startServerProcess({ dataDir });
    await send(server, "room", ["one", "two"]);
    const follower = spawn(
      process.execPath,
      [confab, "history", "room", "--data", dataDir, "--follow", "--limit", "1"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const closed = once(follower, "close");
    const printed = createInterface(follower.stdout)[Symbol.asyncIterator]();
    const next = async () => (await printed.next()).value?.replace(/^\S+ /, "");
    try {
      assert.equal(await next(), "ann: two");
      await send(server, "room", ["three"]);
      assert.equal(await next(), "ann: three");
      await server.kill("SIGKILL");
      server = await startServerProcess({ dataDir });
      await send(server, "room", ["four", "five"]);
      assert.deepEqual([await next(), await next()], ["ann: four", "ann: five"]);
      follower.kill("SIGINT");
      assert.deepEqual(await closed, [130, null]);
    } finally {
      follower.kill("SIGKILL");
      await server.stop();
    }
  }));

test("options of the network and of a data folder exclude each other", async () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--data", "x", "--url", "http://x"], /--data and --url exclude each other/],
    [["--follow"], /--follow requires --data/],
    [["--data", "x", "--follow", "--before", "1:1"], /--follow and --before exclude each other/],
    [["--data", "x", "--follow", "--after", "1:1", "--limit", "3"], /--limit cannot be used with both/],
  ];
  for (const [args, text] of wrong) {
    const { code, stderr } = await run(["history", ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, text);
  }
});
