import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseResult, RowResult } from "../bench-case.js";
import type { BenchRun } from "../bench-run.js";
import { type Figures, medianFigures } from "../figures.js";
import { judgeGoals } from "../goals.js";
import type { Machine } from "../machine.js";
import type { TargetName } from "../options.js";
import { reportPage } from "./page.js";
import { summarise } from "./summary.js";
import { reportLines } from "./terminal.js";

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

const made: BenchRun = {
  command: "npm run bench -- --only fanout-ws",
  startedAt: "2026-01-01T12:00:00.000Z",
  tookSeconds: 600,
  machine,
  versions: { ws: "8.0.0" },
  rounds: 1,
  isComplete: true,
  results: [],
  leftOut: [],
  goals: [],
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
    linesFor([row("ws", "ws", { othersCoreShare })]).some((line) => line.startsWith("Other programs"));
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
  const lines = reportLines({ ...made, results, goals: judgeGoals(results) });
  assert.ok(
    lines.some(
      (line) =>
        line.startsWith("pass (noisy)") && line.endsWith("Confab plain: CPU per delivery ≤ 1.15 × bare TCP: 1.000×"),
    ),
  );
});

test("what was not measured is neither met nor missed", () => {
  const goals = judgeGoals([]);
  assert.deepEqual(new Set(goals.map((goal) => goal.isMet)), new Set([undefined]));
  assert.ok(!reportLines({ ...made, goals }).includes("Targets"));
});

test("a server that fell behind has missed its cost target too", () => {
  const results = [caseOf("ws-100", [row("Confab plain", "confab", { deliveredShare: 0.5 })])];
  assert.equal(judgeGoals(results)[0]?.isMet, false);
});

test("each kind of run has a summary of its own", () => {
  assert.equal(summarise({ cpuUsPerDelivery: 6.83, deliveredShare: 1 }), "6.83 µs/delivery");
  assert.equal(summarise({ deliveredShare: 0.2 }), "falls behind: 20 % delivered");
  assert.equal(summarise({ requestsPerSecond: 13_500 }), "13,500 requests/s");
  assert.equal(summarise({ startUs: 1_500_000, serverCoreShare: 0.9 }), "ready after 1.50 s");
  assert.equal(summarise({ cpuUsPerMessage: 300, p50Us: 400 }), "300 µs/message, p50 0.400 ms");
  assert.equal(summarise({ rssPerConnectionBytes: 6_200 }), "6.20 KB/connection");
});

test("a row is compared with the earlier server's row of the same job", () => {
  const start = (label: string, target: TargetName, startUs: number) => row(label, target, { startUs });
  const rows = [
    start("Confab before, closed in order", "before", 4e6),
    start("Confab before, after kill -9", "before", 8e6),
    start("Confab, closed in order", "confab", 1e6),
    start("Confab, after kill -9", "confab", 1e6),
  ];
  const lines = reportLines({ ...made, results: [{ id: "start-rooms", scenario: "start", title: "Start", rows }] });
  const ratios = lines.flatMap((line) => /^Confab.* ([\d.]+×)/.exec(line)?.[1] ?? []);
  assert.deepEqual(ratios, ["1.00×", "1.00×", "0.25×", "0.13×"]);
});

test("several rounds show their spread, and ratios are those of the rounds", () => {
  const rows = [roundsRow("bare TCP", "floor", [10, 20, 10]), roundsRow("Confab plain", "confab", [9, 18, 10])];
  const confab = linesFor(rows).find((line) => line.startsWith("Confab plain"));
  assert.match(confab ?? "", /10\.0 ±45 %\s+–\s+0\.90× ±6 %/);
});

test("a rate at which the load was full is a lower bound, and no rate at all is said to be under the lowest", () => {
  const rateRow = (figures: Figures) => {
    const result = { ...caseOf("rate-ws", [row("ws", "ws", figures)]), scenario: "highest-rate" as const };
    return reportLines({ ...made, results: [result] }).find((line) => line.startsWith("ws ")) ?? "";
  };
  assert.match(rateRow({ highestRatePerSecond: 2_000, loadCoreShare: 0.95 }), /^ws +≥ 2,000 /);
  assert.match(rateRow({ highestRatePerSecond: 2_000, loadCoreShare: 0.5 }), /^ws +2,000 /);
  assert.match(rateRow({ highestRatePerSecond: 0 }), /^ws +under 31 /);
});

test("what was left out, and that it was interrupted, stands in the lines and on the page", () => {
  const run = { ...made, isComplete: false, leftOut: ["nats: not installed"] };
  for (const text of [reportLines(run).join("\n"), reportPage(run)]) {
    assert.match(text, /INTERRUPTED/);
    assert.match(text, /Left out\n+(- )?nats: not installed/);
  }
});

test("the page has the command, the servers' versions and a table of each case", () => {
  const page = reportPage({ ...made, results: [caseOf("ws-100", [row("a|b", "floor", { p50Us: 1500 })])] });
  assert.match(page, /^ {4}npm run bench -- --only fanout-ws$/m);
  assert.match(page, /^- beside ws 8\.0\.0$/m);
  assert.match(page, /^## Fan-out\n\n\| {2}\| CPU µs\/delivery .*\n\| --- \| ---: .*\n\| a\\\|b \| .* 1\.50 /m);
});

function roundsRow(label: string, target: TargetName, values: readonly number[]): RowResult {
  const rounds = values.map((cpuUsPerDelivery) => ({ cpuUsPerDelivery }));
  return { ...row(label, target, medianFigures(rounds)), rounds };
}

function row(label: string, target: TargetName, figures: Figures): RowResult {
  return { label, target, rounds: [figures], figures, failures: [] };
}

function caseOf(id: CaseResult["id"], rows: readonly RowResult[]): CaseResult {
  return { id, scenario: "fanout-ws", title: "Fan-out", rows };
}

function linesFor(rows: readonly RowResult[]): readonly string[] {
  return reportLines({ ...made, results: [caseOf("ws-100", rows)] });
}
