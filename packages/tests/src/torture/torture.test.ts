import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
import { allTransports } from "./options.js";
import { reportText } from "./report.js";
import { runTorture } from "./run-torture.js";

const main = fileURLToPath(new URL("./main.js", import.meta.url));

/** Any number: the same faults each time, though not at the same messages. */
const seed = 20_261;

test("nothing is lost, over every transport, through a short torture of each kind", async () => {
  const result = await runTorture({
    seconds: 5,
    seed,
    senders: 14,
    readers: 14,
    transports: allTransports,
    nodes: 1,
    wipesRedis: false,
    jsonFile: undefined,
    signal: new AbortController().signal,
    progress: () => undefined,
  });
  assert.equal(result.violations.length, 0, reportText(result, seed));
  // The proof means something only where there was something to lose, and something that tried.
  assert.ok(result.figures.acknowledged > 3 && result.figures.compared > 14, reportText(result, seed));
  assert.ok((result.met.clients["ENGINE_UNAVAILABLE (network)"] ?? 0) > 0, reportText(result, seed));
});

test("a run that is ended early proves what happened so far, and says that it is partial", async () => {
  const interrupt = new AbortController();
  const result = await runTorture({
    seconds: 3_600,
    seed,
    senders: 3,
    readers: 3,
    transports: ["websocket-proto"],
    nodes: 1,
    wipesRedis: false,
    jsonFile: undefined,
    signal: interrupt.signal,
    progress: () => undefined,
    onStarted: () => interrupt.abort(),
  });
  assert.deepEqual(result.violations, []);
  assert.match(reportText(result, seed), /partial/);
});

test("the command explains itself, and refuses options that it does not know", async () => {
  const help = await runProgram(process.execPath, [main, "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /real time/);
  const wrong = await runProgram(process.execPath, [main, "--seconds", "0"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--seconds is '0'; it takes 1 to 3600/);
});
