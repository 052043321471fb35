import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaseResult, RowResult } from "./bench-case.js";
import { changeLines, changesBetween } from "./changes.js";
import { type Figures, medianFigures } from "./figures.js";
import type { TargetName } from "./options.js";

function row(label: string, target: TargetName, rounds: readonly Figures[]): RowResult {
  return { label, target, rounds, figures: medianFigures(rounds), failures: [] };
}

function fanout(floorUs: readonly number[], confabUs: readonly number[]): CaseResult[] {
  const rounds = (values: readonly number[]) => values.map((cpuUsPerDelivery) => ({ cpuUsPerDelivery }));
  const rows = [row("bare TCP", "floor", rounds(floorUs)), row("Confab plain", "confab", rounds(confabUs))];
  return [{ id: "ws-100", scenario: "fanout-ws", title: "Fan-out", rows }];
}

const before = fanout([10, 10, 10], [9.5, 9.8, 9.6]);

test("rounds that are apart, by more than 5 %, are a change, and it is said which way", () => {
  const [worse, ...others] = changesBetween(before, fanout([10, 10, 10], [11.0, 11.2, 11.1]));
  assert.deepEqual(others, []);
  assert.equal(worse?.verdict, "worse");
  assert.equal(worse?.ratio.toFixed(2), "1.16");
  assert.equal(worse?.beside, "bare TCP");
  assert.equal(changesBetween(before, fanout([10, 10, 10], [8, 8.1, 8.2]))[0]?.verdict, "better");
});

test("a slower machine is no change, and neither are rounds that overlap or differ by little", () => {
  assert.deepEqual(changesBetween(before, fanout([20, 20, 20], [19, 19.6, 19.2])), []);
  assert.deepEqual(changesBetween(before, fanout([10, 10, 10], [9.7, 11.5, 11.6])), []);
  assert.deepEqual(changesBetween(before, fanout([10, 10, 10], [9.9, 9.95, 9.9])), []);
  assert.deepEqual(changesBetween(before, before), []);
});

test("with few rounds only a large difference counts", () => {
  assert.deepEqual(changesBetween(fanout([10], [10]), fanout([10], [12])), []);
  assert.equal(changesBetween(fanout([10], [10]), fanout([10], [13]))[0]?.verdict, "worse");
});

test("without a peer the figure itself is compared, and more is better where it is", () => {
  const history = (rates: readonly number[]): CaseResult[] => {
    const rounds = rates.map((messagesPerSecond) => ({ messagesPerSecond }));
    return [{ id: "history", scenario: "history", title: "History", rows: [row("Confab", "confab", rounds)] }];
  };
  const [change] = changesBetween(history([600, 610, 605]), history([300, 310, 305]));
  assert.equal(change?.verdict, "worse");
  assert.equal(change?.beside, undefined);
  assert.equal(changesBetween(history([300, 300, 300]), history([600, 600, 600]))[0]?.verdict, "better");
});

test("what only one run has is left out, and so are other servers' figures", () => {
  assert.deepEqual(changesBetween([], before), []);
  assert.deepEqual(changesBetween(before, []), []);
  const peers = (us: number): CaseResult[] => {
    const rows = [row("ws", "ws", [{ cpuUsPerDelivery: us }])];
    return [{ id: "ws-100", scenario: "fanout-ws", title: "Fan-out", rows }];
  };
  assert.deepEqual(changesBetween(peers(10), peers(30)), []);
});

test("the lines begin with what got worse, and say so when nothing did", () => {
  const worse = changesBetween(before, fanout([10, 10, 10], [12, 12, 12]));
  assert.match(
    changeLines(worse, "old.json").join("\n"),
    /WORSE +Confab plain: cpuUsPerDelivery × 1\.25 \(beside bare TCP\)/,
  );
  assert.match(changeLines([], "old.json").join("\n"), /nothing changed beyond the noise/);
});
