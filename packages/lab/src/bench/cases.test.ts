import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseCases } from "./cases.js";
import { figureNames } from "./figures.js";
import { judgeGoals } from "./goals.js";
import { describeMachine } from "./machine.js";
import { type BenchOptions, scenarioNames, targetNames } from "./options.js";
import { tieRounds } from "./tie-goals.js";

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
    ["unary", "unary-1000", "history"],
  );
  assert.ok(cases.every(({ rows }) => rows.every(({ label }) => !label.includes("Redis"))));
  assert.match(leftOut.join("\n"), /^presence, what needs Redis: not installed .*\nhistory, what needs Redis: /);
});

test("a quick run starts on logs as large as those of a long one", () => {
  const titles = (isQuick: boolean) =>
    chooseCases({ ...everything, isQuick, only: ["start"] }, machine, nothingMissing).cases.map(({ title }) => title);
  assert.deepEqual(titles(true), titles(false));
  assert.match(titles(true).join("\n"), /1,000,000 messages in one room.*\n.*100,000 rooms/);
});

test("every row that a target names is one that the bench has", () => {
  const { cases } = chooseCases(everything, machine, nothingMissing);
  const figures = Object.fromEntries(figureNames.map((name) => [name, 1]));
  const results = cases.map(({ id, scenario, title, rows }) => ({
    id,
    scenario,
    title,
    rows: rows.map(({ label, target }) => ({
      label,
      target,
      rounds: Array(tieRounds).fill(figures),
      figures,
      failures: [],
    })),
  }));
  assert.deepEqual(
    judgeGoals(results).filter(({ isMet }) => isMet === undefined),
    [],
  );
});
