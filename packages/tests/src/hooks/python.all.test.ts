import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { remoteHooks } from "@confab/server/hooks";
import { startServer } from "@confab/server/testing/start-server";
import { protoFolder, thirdPartyFolder } from "../fixture/buf.js";
import { startProgram } from "../fixture/live-program.js";
import { mustRun } from "../fixture/run-program.js";
import { requirePart } from "../optional-parts.js";
import { secret } from "./testing/forms.js";

// Services of hooks in Python, by grpcio and by plain HTTP, which moderate and index. They are killed and started again while
// messages are sent.

const script = fileURLToPath(new URL("../../src/hooks/hook-service.py", import.meta.url));

const protos = [
  ...["filter", "hook", "message", "room", "rules"].map((name) => `confab/v1/${name}.proto`),
  ...["buf/validate/validate.proto", "google/api/annotations.proto", "google/api/http.proto"],
];

const messages = 90;

/** Longer than anything takes that is going to happen, in milliseconds. */
const patienceMs = 90_000;

async function start(t: TestContext, python: string, args: readonly string[]) {
  const program = startProgram(python, [script, ...args]);
  t.after(() => program.stop());
  const port = /^(\d+)\n/.exec(await program.until(/^\d+\n/))?.[1] ?? "";
  return { program, port };
}

for (const form of ["grpc", "http"] as const) {
  test(`a service in Python by ${form} moderates and indexes, also after it was killed`, async (t) => {
    const python = requirePart(t, "grpcio");
    if (python === undefined) return;
    const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const includes = [`-I${protoFolder}`, `-I${thirdPartyFolder}`];
    const outputs = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
    if (form === "grpc") await mustRun(python, ["-m", "grpc_tools.protoc", ...includes, ...outputs, ...protos]);
    const indexFile = join(folder, "index");
    writeFileSync(indexFile, "");
    const args = [form, form === "grpc" ? folder : secret, indexFile];
    let service = await start(t, python, args);
    const { port } = service;
    const target = form === "grpc" ? { url: `grpc://127.0.0.1:${port}` } : { url: `http://127.0.0.1:${port}/`, secret };
    const server = await startServer({
      port: 0,
      engine: { kind: "embedded", dataDir: join(folder, "data"), durability: "os" },
      hooks: remoteHooks({ ...target, hooks: ["send", "stored"] }),
    });
    t.after(() => server.close());
    const say = async (room: string, text: string) => {
      const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ user: "ann", text }),
      });
      return response.ok ? "done" : ((await response.json()) as { error: { code: string; message: string } }).error;
    };
    const refusal = await say("a", "bad");
    assert.ok(refusal !== "done");
    assert.deepEqual([refusal.code, refusal.message], ["HOOK_REFUSED", "mind your language"]);
    let failures = 0;
    for (let index = 0; index < messages; index++) {
      if (index === 30 || index === 60) {
        await service.program.stop();
        const answer = await say("a", "while it is away");
        assert.ok(answer !== "done" && answer.code === "HOOK_FAILED");
        service = await start(t, python, [...args, port]);
      }
      const room = index % 2 === 0 ? "a" : "b";
      for (; (await say(room, `m${index}`)) !== "done"; failures++) await new Promise(setImmediate);
    }
    const indexed = (room: string) =>
      readFileSync(indexFile, "utf8")
        .split("\n")
        .filter((line) => line.startsWith(`${room} `))
        .map((line) => line.slice(2));
    const expected = (room: string) =>
      Array.from({ length: messages }, (_, index) => index)
        .filter((index) => (index % 2 === 0 ? "a" : "b") === room)
        .map((index) => `M${index}`);
    const isComplete = () => ["a", "b"].every((room) => new Set(indexed(room)).size === expected(room).length);
    for (
      const deadlineMs = Date.now() + patienceMs;
      !isComplete();
      await new Promise((resolve) => setTimeout(resolve, 50))
    )
      assert.ok(Date.now() < deadlineMs, "the index lacks something");
    for (const room of ["a", "b"]) assert.deepEqual([...new Set(indexed(room))], expected(room));
    t.diagnostic(`${failures} sends were tried again`);
  });
}
