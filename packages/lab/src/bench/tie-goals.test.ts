import assert from "node:assert/strict";
import { test } from "node:test";
import type { RowResult } from "./bench-case.js";
import { medianFigures } from "./figures.js";
import { judgeTies, tieRounds } from "./tie-goals.js";

const spread = [97, 98, 99, 100, 100, 101, 102, 103, 180];

function row(label: string, values: readonly number[]): RowResult {
  const rounds = values.map((cpuUsPerRequest) => ({ cpuUsPerRequest, othersCoreShare: 0 }));
  return { label, target: "confab", rounds, figures: medianFigures(rounds), failures: [] };
}

function verdict(values: readonly number[]): boolean | undefined {
  const rows = [row("Confab before hooks", spread), row("Confab, no hook", values)];
  const results = [{ id: "hooks-unary", scenario: "hooks-unary", title: "", rows }] as const;
  return judgeTies(results).find(({ claim }) => /^Unary SendMessage.* before hooks/.test(claim))?.isMet;
}

test("two that lie within each other's rounds tie, whatever one round was", () => {
  assert.equal(spread.length, tieRounds);
  assert.equal(verdict(spread.map((value) => value + 2)), true);
  assert.equal(verdict(spread.map((value) => value * 0.5)), true);
  assert.equal(verdict(spread.map((value) => value + 10)), false);
});

test("with fewer rounds nothing is known", () => {
  assert.equal(verdict(spread.slice(1).map((value) => value + 10)), undefined);
});
