import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseResult, RowResult } from "./bench-case.js";
import { type Figures, medianFigures } from "./figures.js";
import { judgeGoals } from "./goals.js";
import type { Machine } from "./machine.js";
import type { TargetName } from "./options.js";
import { reportLines, summarise } from "./report.js";

const machine: Machine = {
  cpuModel: "Test CPU",
  cores: 2,
  memoryGiB: 8,
  kernel: "Linux 6 x64",
  node: "v20",
  pinned: true,
  hasH2load: true,
  hasRedis: true,
  logIsInMemory: false,
};

test("a row shows its ratio to the floor and to the peer", () => {
  const lines = linesFor([
    row("bare TCP", "floor", { cpuUsPerDelivery: 6, deliveredShare: 1 }),
    row("ws", "ws", { cpuUsPerDelivery: 9, deliveredShare: 1 }),
    row("Confab plain", "confab", { cpuUsPerDelivery: 6.6, deliveredShare: 1 }),
  ]);
  const confab = lines.find((line) => line.startsWith("Confab plain"));
  assert.match(confab ?? "", /6\.60\s+–\s+1\.10×\s+0\.73×.*100 %$/);
});

test("a server that falls behind says how much arrived, and has no cost", () => {
  const lines = linesFor([row("ws", "ws", { deliveredShare: 0.226 })]);
  assert.match(lines.find((line) => line.startsWith("ws ")) ?? "", /–.*falls behind: 22\.6 %$/);
});

test("a median that keeps up still tells of the round that did not", () => {
  const rounds = [{ deliveredShare: 1 }, { deliveredShare: 0.9 }, { deliveredShare: 1 }];
  const lines = linesFor([{ ...row("ws", "ws", {}), rounds, figures: medianFigures(rounds) }]);
  assert.match(lines.find((line) => line.startsWith("ws ")) ?? "", /100 %, 1 of 3 rounds behind$/);
});

test("a run that could not be made says why, once", () => {
  const failed = { ...row("Confab plain", "confab", {}), failures: ["not built", "not built"] };
  assert.deepEqual(
    linesFor([failed]).filter((line) => line.includes("not built")),
    ["  Confab plain could not run: not built"],
  );
});

test("a run beside other busy programs carries a warning, a quiet one does not", () => {
  const warned = (othersCoreShare: number) =>
    linesFor([row("ws", "ws", { othersCoreShare })]).some((line) => line.startsWith("Noise:"));
  assert.equal(warned(0.5), true);
  assert.equal(warned(0.02), false);
});

test("a target is met at its bound and missed above it", () => {
  const goalAt = (confabUs: number) =>
    judgeGoals([
      caseOf("ws-100", [
        row("bare TCP", "floor", { cpuUsPerDelivery: 4 }),
        row("Confab plain", "confab", { cpuUsPerDelivery: confabUs }),
      ]),
    ])[0];
  assert.equal(goalAt(4.6)?.isMet, true);
  assert.equal(goalAt(4.7)?.isMet, false);
  assert.equal(goalAt(4.7)?.figure, "1.175×");
});

test("a verdict tells when other programs disturbed a run that it rests on", () => {
  const floor = row("bare TCP", "floor", { cpuUsPerDelivery: 4, othersCoreShare: 0.5 });
  const results = [caseOf("ws-100", [floor, row("Confab plain", "confab", { cpuUsPerDelivery: 4 })])];
  const lines = reportLines(machine, 1, results, judgeGoals(results));
  assert.ok(
    lines.some(
      (line) =>
        line.startsWith("pass (noisy)") && line.endsWith("Confab plain: CPU per delivery ≤ 1.15 × bare TCP: 1.000×"),
    ),
  );
});

test("what was not measured is neither met nor missed", () => {
  assert.deepEqual(new Set(judgeGoals([]).map((goal) => goal.isMet)), new Set([undefined]));
});

test("a server that fell behind has missed its cost target too", () => {
  const results = [caseOf("ws-100", [row("Confab plain", "confab", { deliveredShare: 0.5 })])];
  assert.equal(judgeGoals(results)[0]?.isMet, false);
});

test("each kind of run has a summary of its own", () => {
  assert.equal(summarise({ cpuUsPerDelivery: 6.83, deliveredShare: 1 }), "6.83 µs/delivery");
  assert.equal(summarise({ deliveredShare: 0.2 }), "falls behind: 20 % delivered");
  assert.equal(summarise({ requestsPerSecond: 13_500 }), "13,500 requests/s");
  assert.equal(summarise({ rssPerConnectionBytes: 6_200 }), "6.20 KB/connection");
});

function row(label: string, target: TargetName, figures: Figures): RowResult {
  return { label, target, rounds: [figures], figures, failures: [] };
}

function caseOf(id: CaseResult["id"], rows: readonly RowResult[]): CaseResult {
  return { id, scenario: "fanout-ws", title: "Fan-out", rows };
}

function linesFor(rows: readonly RowResult[]): readonly string[] {
  return reportLines(machine, 1, [caseOf("ws-100", rows)], []);
}
