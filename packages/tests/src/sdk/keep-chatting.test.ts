import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProgram } from "../fixture/live-program.js";
import { startServerProcess } from "../fixture/server-process.js";

const example = fileURLToPath(new URL("../../../../examples/keep-chatting.mjs", import.meta.url));

test("examples/keep-chatting.mjs goes on while the server is killed and started again", {
  timeout: 60_000,
}, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "confab-example-"));
  t.after(() => rm(dataDir, { recursive: true }));
  let server = await startServerProcess({ dataDir });
  t.after(() => server.stop());
  const program = startProgram(process.execPath, [example, server.url, "ada"]);
  t.after(() => program.stop());

  await program.until(/ada: message 2\n/);
  await server.kill("SIGKILL");
  await program.until(/-- .*; attempt 1 in [0-9]+ ms\n/);
  server = await startServerProcess({ dataDir, flags: { port: server.port } });
  await program.until(/attempt[\s\S]*-- live/);
  const printed = await program.until(/ada: message 8\n/);

  const numbers = [...printed.matchAll(/^ada: message ([0-9]+)$/gm)].map(([, number]) => Number(number));
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  assert.doesNotMatch(printed, /not sent/);
});
