import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseCases } from "./cases.js";
import { describeMachine } from "./machine.js";
import { type BenchOptions, scenarioNames, targetNames } from "./options.js";

const everything: BenchOptions = {
  isQuick: false,
  jsonFile: undefined,
  markdownFile: undefined,
  updateFile: undefined,
  compareFile: undefined,
  only: scenarioNames,
  targets: targetNames,
  rounds: 1,
  before: "0df82f7",
};
const machine = { ...describeMachine(), hasRedis: true };
const nothingMissing = () => undefined;

test("on a machine that has it all, every scenario is run and nothing is left out", () => {
  const { cases, leftOut } = chooseCases(everything, machine, nothingMissing);
  assert.deepEqual(new Set(cases.map(({ scenario }) => scenario)), new Set(scenarioNames));
  assert.deepEqual(leftOut, []);
});

test("a server that is not installed is left out of every table, and that is said once", () => {
  const missing = (name: string) => (name === "nats" ? "not installed" : undefined);
  const { cases, leftOut } = chooseCases(everything, machine, missing);
  assert.ok(cases.every(({ rows }) => rows.every(({ target }) => target !== "nats")));
  assert.deepEqual(leftOut, ["nats: not installed"]);
  assert.deepEqual(chooseCases({ ...everything, targets: ["confab"] }, machine, missing).leftOut, []);
});

test("without Redis what needs it is left out, and what was asked for is named", () => {
  const options: BenchOptions = { ...everything, only: ["presence", "unary", "history"] };
  const { cases, leftOut } = chooseCases(options, { ...machine, hasRedis: false }, nothingMissing);
  assert.deepEqual(
    cases.map(({ id }) => id),
    ["unary", "history"],
  );
  assert.ok(cases.every(({ rows }) => rows.every(({ label }) => !label.includes("Redis"))));
  assert.match(leftOut.join("\n"), /^presence, what needs Redis: not installed .*\nhistory, what needs Redis: /);
});
