import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../bench/sandbox.js";
import { ClientProcess, ClientStartError } from "./client-process.js";
import { defaultSample } from "./sample/sample.js";
import { contendersFrom } from "./transports.js";

/**
 * A client process that does with each task what the task's room says; a task's port is its result. `hang`: it is answered
 * only when the next one comes, before that one.
 */
const program = `
import { createInterface } from "node:readline";
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\\n");
let late;
for await (const line of createInterface({ input: process.stdin })) {
  const { task, job } = JSON.parse(line);
  if (late) say(late);
  late = undefined;
  if (job.room === "hang") late = { task, result: job.port };
  else if (job.room === "end") throw new Error("out of ideas");
  else if (job.room === "chatty") {
    say({ task: task - 1, result: 1 });
    say({ task, result: job.port });
  } else say({ task, result: job.port });
}
`;

const enoughMs = 60_000;

describe("the process of a contender's clients", () => {
  const folder = mkdtempSync(join(tmpdir(), "confab-client-process-"));
  const sandbox = new Sandbox(false);
  const [contender] = contendersFrom("sse");
  let client: ClientProcess;
  before(() => {
    const file = join(folder, "client.mjs");
    writeFileSync(file, program);
    assert.ok(contender);
    client = new ClientProcess(sandbox, { contender, sample: defaultSample }, file);
  });
  after(() => {
    sandbox.close();
    rmSync(folder, { recursive: true });
  });
  // Each of its thirteen parts was tried with another process, and failed by itself.
  it("one that ends before any answer says that it did not start", async () => {
    assert.ok(contender);
    const other = new ClientProcess(sandbox, { contender, sample: defaultSample }, join(folder, "client.mjs"));
    await assert.rejects(other.run("emptyPoll", { port: 1, room: "end" }, enoughMs), (error) => {
      assert.ok(error instanceof ClientStartError);
      assert.match(error.message, /did not start: exit code 1: Error: out of ideas/);
      return true;
    });
  });

  const ask = (room: string, port: number, timeoutMs = enoughMs) => client.run("emptyPoll", { port, room }, timeoutMs);

  // After one task that took too long, every later figure of that transport was the one that had been asked for before it.
  it("a task after one that took too long gets its own answer, from a process that does nothing else", async () => {
    assert.equal(await ask("answer", 7), 7);
    await assert.rejects(ask("hang", 8, 1), /took longer than 1 ms/);
    assert.equal(await ask("answer", 9), 9);
    assert.equal(await ask("answer", 10), 10);
  });

  it("an answer to another question is dropped", async () => {
    assert.equal(await ask("chatty", 11), 11);
  });

  it("a process that ends fails its task with its last words, and the next task has another one", async () => {
    await assert.rejects(ask("end", 12), /the client process ended: exit code 1: Error: out of ideas/);
    assert.equal(await ask("answer", 13), 13);
  });
});
