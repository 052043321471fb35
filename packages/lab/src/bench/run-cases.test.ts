import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchCase } from "./bench-case.js";
import type { Figures } from "./figures.js";
import { runCases } from "./run-cases.js";
import { Sandbox } from "./sandbox.js";

/** A case whose rows give these figures run after run; a string is a failure. Every run's label goes to `order`. */
function scripted(rows: Record<string, readonly (Figures | string)[]>, order: string[] = []): BenchCase {
  return {
    id: "ws-100",
    scenario: "fanout-ws",
    title: "",
    rows: Object.entries(rows).map(([label, script]) => {
      const outcomes = script[Symbol.iterator]();
      return {
        label,
        target: "floor",
        async run() {
          order.push(label);
          const outcome: Figures | string | undefined = outcomes.next().value;
          if (typeof outcome === "object") return outcome;
          throw new Error(outcome ?? "run too often");
        },
      };
    }),
  };
}

const options = {
  sandbox: new Sandbox(false),
  rounds: 1,
  maxAttempts: 1,
  progress: () => undefined,
  summary: () => "",
  signal: new AbortController().signal,
};

test("a round goes through all rows before the next begins, every second one backwards", async () => {
  const order: string[] = [];
  const figures = [{ p50Us: 1 }, { p50Us: 1 }, { p50Us: 1 }];
  await runCases([scripted({ a: figures, b: figures }, order)], { ...options, rounds: 3 });
  assert.deepEqual(order, ["a", "b", "b", "a", "a", "b"]);
});

test("figures are medians over the rounds, and a failed round does not spoil the others", async () => {
  const script = [{ p50Us: 1 }, "broken", { p50Us: 9 }, { p50Us: 2 }];
  const [result] = await runCases([scripted({ a: script })], { ...options, rounds: 4 });
  assert.deepEqual(result?.rows[0]?.figures, { p50Us: 2 });
  assert.deepEqual(result?.rows[0]?.failures, ["broken"]);
});

test("a disturbed run is made again and the least disturbed one counts", async () => {
  const script = [0.5, 0.3, 0.4].map((othersCoreShare, index) => ({ othersCoreShare, p50Us: index }));
  const [result] = await runCases([scripted({ a: script })], { ...options, maxAttempts: 3 });
  assert.deepEqual(result?.rows[0]?.figures, { othersCoreShare: 0.3, p50Us: 1 });
});

test("a quiet run is made once", async () => {
  const order: string[] = [];
  await runCases([scripted({ a: [{ othersCoreShare: 0.05 }] }, order)], { ...options, maxAttempts: 3 });
  assert.deepEqual(order, ["a"]);
});

test("every run is told of", async () => {
  const lines: string[] = [];
  const progress = (line: string): void => void lines.push(line);
  await runCases([scripted({ a: [{}], b: ["broken"] })], { ...options, progress, summary: () => "fine" });
  assert.deepEqual(lines, ["[1/2] ws-100 a: fine", "[2/2] ws-100 b: could not run: broken"]);
});

test("an interrupted bench gives up the run in hand, makes no other, and blames nobody", async () => {
  const order: string[] = [];
  const controller = new AbortController();
  const { signal } = controller;
  const [first, second, third] = scripted({ a: [{ p50Us: 1 }], b: [], c: [] }, order).rows;
  assert.ok(first && second && third);
  const hanging = {
    ...second,
    run: () => {
      controller.abort();
      return new Promise<never>(() => undefined);
    },
  };
  const benchCase: BenchCase = { ...scripted({}), rows: [first, hanging, third] };
  const [result] = await runCases([benchCase], { ...options, rounds: 2, signal });
  assert.deepEqual(order, ["a"]);
  assert.deepEqual(
    result?.rows.map(({ figures, failures }) => ({ figures, failures })),
    [
      { figures: { p50Us: 1 }, failures: [] },
      { figures: {}, failures: [] },
      { figures: {}, failures: [] },
    ],
  );
});
