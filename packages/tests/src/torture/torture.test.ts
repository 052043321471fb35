import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
import { reportText } from "./report.js";
import { runTorture } from "./run-torture.js";
import { assertProven, shortRun } from "./short-run.js";

const main = fileURLToPath(new URL("./main.js", import.meta.url));

test("nothing is lost, over every transport, through a short torture of each kind", async () => {
  assertProven(await runTorture(shortRun));
});

test("a run that is ended early proves what happened so far, and says that it is partial", async () => {
  const interrupt = new AbortController();
  const result = await runTorture({
    ...shortRun,
    seconds: 3_600,
    senders: 3,
    readers: 3,
    transports: ["websocket-proto"],
    signal: interrupt.signal,
    onStarted: () => interrupt.abort(),
  });
  assert.deepEqual(result.violations, []);
  assert.match(reportText(result, shortRun.seed), /partial/);
});

test("the command explains itself, and refuses options that it does not know", async () => {
  const help = await runProgram(process.execPath, [main, "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /real time/);
  assert.match(help.stdout, /^ {2}--disk /m);
  const wrong = await runProgram(process.execPath, [main, "--seconds", "0"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--seconds is '0'; it takes 1 to 3600/);
});
