import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { connect } from "@confab/client/node";
import { type LiveProgram, startProgram } from "../fixture/live-program.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type PartName, requirePart } from "../optional-parts.js";

// The programs in examples/{go,java,python,rust}, all with the arguments ADDRESS ROOM USER COUNT.

interface Example {
  readonly part: PartName;
  /** The program and its first arguments, given the folder of the example. */
  command(folder: string): readonly [program: string, ...args: string[]];
}

const examples: Readonly<Record<string, Example>> = {
  Go: { part: "example-go", command: (folder) => [join(folder, "bin/chat")] },
  Java: {
    part: "example-java",
    command: (folder) => ["java", "-cp", `${join(folder, "target/classes")}:${join(folder, "lib/*")}`, "Chat"],
  },
  Python: {
    part: "example-python",
    command: (folder) => [join(folder, ".venv/bin/python"), join(folder, "chat.py")],
  },
  Rust: { part: "example-rust", command: (folder) => [join(folder, "target/debug/chat")] },
};

const room = "lobby";

/** A folder of data that is removed after the test. */
async function newDataDir(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "confab-example-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A server that holds one message, which the program must not print. */
async function startServer(t: TestContext, dataDir: string): Promise<ServerProcess> {
  const server = await startServerProcess({ dataDir });
  t.after(() => server.stop());
  const earlier = connect({ url: server.url, user: "eve" });
  await earlier.room(room).send("before");
  earlier.close();
  return server;
}

/** Kill a server and start another one on its port. */
async function replace(t: TestContext, { port, kill }: ServerProcess, dataDir: string): Promise<void> {
  await kill("SIGKILL");
  const server = await startServerProcess({ dataDir, flags: { port } });
  t.after(() => server.stop());
}

function startExample(t: TestContext, example: Example, { port }: ServerProcess, count: number) {
  const folder = requirePart(t, example.part);
  if (folder === undefined) return undefined;
  const [program, ...args] = example.command(folder);
  const started: LiveProgram = startProgram(program, [...args, `127.0.0.1:${port}`, room, "ada", `${count}`]);
  t.after(() => started.stop());
  return started;
}

describe("the examples in other languages", { concurrency: true, timeout: 120_000 }, () => {
  for (const [language, example] of Object.entries(examples)) {
    test(`${language}: each message is printed once and in order, though the server is killed`, async (t) => {
      const dataDir = await newDataDir(t);
      const server = await startServer(t, dataDir);
      const count = 40;
      const program = startExample(t, example, server, count);
      if (program === undefined) return;
      await program.until(/ada: hello 10\n/);
      await replace(t, server, dataDir);

      const { code, stdout, stderr } = await program.ended;
      const expected = Array.from({ length: count }, (_, index) => `${index + 2} ada: hello ${index + 1}\n`);
      // Java's transport logs to standard error, too, so what is there counts only together with the exit code.
      assert.equal(code, 0, `${stderr}${stdout}`);
      assert.equal(stdout, expected.join(""));
    });

    test(`${language}: a log that was lost ends it, and it says what the log holds now`, async (t) => {
      const server = await startServer(t, await newDataDir(t));
      const program = startExample(t, example, server, 10_000);
      if (program === undefined) return;
      await program.until(/ada: hello 10\n/);
      await replace(t, server, await newDataDir(t));

      const { code, stderr } = await program.ended;
      // Each language has its own spelling of gRPC's codes.
      assert.match(stderr, /out_?of_?range.*; the log holds 1 to [0-9]+\n$/i);
      assert.equal(code, 1);
    });
  }
});
