import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseId, CaseResult, RowResult } from "./bench-case.js";
import { type Figures, medianFigures } from "./figures.js";
import { judgeRatios } from "./ratio-goals.js";

test("a ratio is met at its bound and missed past it, whichever side is the good one", () => {
  const cpu = (confabUs: number) =>
    verdict(/CPU per message ≤ 0\.4 × before$/, "low-rate", [
      row("Confab, before", [{ cpuUsPerMessage: 1_000 }]),
      row("Confab", [{ cpuUsPerMessage: confabUs }]),
    ]);
  assert.deepEqual([cpu(400), cpu(401)], ["met 0.400×", "missed 0.401×"]);
  const rate = (perSecond: number) =>
    verdict(/1,000 in flight: rate ≥ 2 × grpc-go$/, "unary-1000", [
      row("grpc-go, stores nothing", [{ requestsPerSecond: 10_000 }]),
      row("Confab, durability fsync", [{ requestsPerSecond: perSecond }]),
    ]);
  assert.deepEqual([rate(20_000), rate(19_900)], ["met 2.000×", "missed 1.990×"]);
});

test("the ratio is the median of the rounds' ratios, not the ratio of the medians", () => {
  const seconds = (each: readonly number[]) => each.map((startUs) => ({ startUs }));
  const found = verdict(/^Start with 100,000 rooms, after kill -9 ≤ 0\.3 × before$/, "start-rooms", [
    row("Confab before, after kill -9", seconds([10, 40, 100])),
    row("Confab, after kill -9", seconds([2, 10, 90])),
  ]);
  assert.equal(found, "met 0.250×");
});

test("what was not measured has no verdict, and a server that fell behind has missed", () => {
  assert.ok(judgeRatios([]).every(({ isMet }) => isMet === undefined));
  const back = (confab: Figures) =>
    verdict(/^1,000 readers back at once, Confab gRPC: until all are live ≤ 1\.3 × bare TCP$/, "resume", [
      row("bare TCP", [{ allLiveUs: 100, deliveredShare: 1 }]),
      row("Confab gRPC", [confab]),
    ]);
  assert.deepEqual([back({}), back({ deliveredShare: 0.5 })], ["unknown –", "missed –"]);
});

test("a verdict that rests on a disturbed row says so", () => {
  const results = [
    caseOf("low-rate", [
      row("one write and fdatasync", [{ p50Us: 200, othersCoreShare: 0.5 }]),
      row("Confab", [{ p50Us: 400 }]),
    ]),
  ];
  const [goal] = judgeRatios(results).filter(({ isMet }) => isMet !== undefined);
  assert.deepEqual([goal?.isMet, goal?.isNoisy], [true, true]);
});

function verdict(claim: RegExp, id: CaseId, rows: readonly RowResult[]): string {
  const [goal, ...more] = judgeRatios([caseOf(id, rows)]).filter((each) => claim.test(each.claim));
  assert.ok(goal !== undefined && more.length === 0, `${claim}`);
  const word = goal.isMet === undefined ? "unknown" : goal.isMet ? "met" : "missed";
  return `${word} ${goal.figure}`;
}

function row(label: string, rounds: readonly Figures[]): RowResult {
  return { label, target: "confab", rounds, figures: medianFigures(rounds), failures: [] };
}

function caseOf(id: CaseId, rows: readonly RowResult[]): CaseResult {
  return { id, scenario: "low-rate", title: "A case", rows };
}
