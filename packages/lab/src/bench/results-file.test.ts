import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseId, RowResult } from "./bench-case.js";
import type { BenchRun } from "./bench-run.js";
import type { Figures } from "./figures.js";
import { describeMachine } from "./machine.js";
import { allResults, publishedFigure, whyUnpublishable, withRun } from "./results-file.js";

function row(label: string, figures: Figures, failures: readonly string[] = []): RowResult {
  return { label, target: "confab", rounds: [figures], figures, failures };
}

function run(cases: Readonly<Partial<Record<CaseId, readonly RowResult[]>>>, rounds = 5): BenchRun {
  return {
    command: "npm run bench",
    startedAt: "2026-01-01T00:00:00.000Z",
    tookSeconds: 1,
    machine: describeMachine(),
    versions: {},
    rounds,
    isComplete: true,
    results: Object.entries(cases).map(([id, rows]) => ({ id: id as CaseId, scenario: "unary", title: id, rows })),
    leftOut: [],
    goals: [],
  };
}

test("a later run takes the place of the cases that it measured, and of no others", () => {
  const first = withRun({ runs: [] }, run({ unary: [row("Confab", { p99Us: 1_000 })], history: [row("Confab", {})] }));
  const second = withRun(first, run({ unary: [row("Confab", { p99Us: 2_000 })] }));
  assert.deepEqual(
    allResults(second).map(({ id }) => id),
    ["history", "unary"],
  );
  const place = { id: "unary", label: "Confab", name: "p99Us", perUnit: 1_000 } as const;
  assert.equal(publishedFigure(second, place), "2.00");
  assert.equal(publishedFigure(second, { ...place, label: "Socket.IO" }), undefined);
});

test("a run in which every case was measured again is no longer in the file", () => {
  const first = withRun({ runs: [] }, run({ unary: [] }));
  assert.equal(withRun(first, run({ unary: [] })).runs.length, 1);
});

test("a run of four rounds, an interrupted one, and one with a failed row cannot be published", () => {
  assert.equal(whyUnpublishable(run({})), undefined);
  assert.match(whyUnpublishable(run({}, 4)) ?? "", /4 rounds.*at least 5/);
  assert.match(whyUnpublishable({ ...run({}), isComplete: false }) ?? "", /interrupted/);
  const twice = "3 messages came twice, or out of order, or with a hole before them";
  assert.match(
    whyUnpublishable(run({ unary: [row("Confab", {}, [twice])] })) ?? "",
    /unary, Confab: 3 messages came twice/,
  );
});
