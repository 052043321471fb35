import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFigure, formatRatio, formatShare, formatSpread, layOut } from "./table.js";

test("columns are as wide as their widest cell, the first aligned left", () => {
  assert.deepEqual(
    layOut([
      ["", "µs"],
      ["floor", "6.80"],
      ["ws", "10.1"],
    ]),
    ["         µs", "floor  6.80", "ws     10.1"],
  );
});

test("figures show three or so digits that count", () => {
  const shown = [0.7341, 6.834, 19.74, 478.4, 13_500, -274.4, undefined].map(formatFigure);
  assert.deepEqual(shown, ["0.734", "6.83", "19.7", "478", "13,500", "-274", "–"]);
});

test("only a whole share is 100 %", () => {
  assert.deepEqual([1, 0.99999, 0.5, 0, undefined].map(formatShare), ["100 %", "99.9 %", "50 %", "0 %", "–"]);
});

test("a ratio has two decimals", () => {
  assert.deepEqual([1.149, undefined].map(formatRatio), ["1.15×", "–"]);
});

test("a spread is half the distance of the outermost rounds; one round has none", () => {
  assert.equal(formatSpread([10, 9, 12]), " ±15 %");
  assert.equal(formatSpread([10]), "");
  assert.equal(formatSpread([0, 0]), "");
  assert.equal(formatSpread([-10, -9, -12]), " ±15 %", "memory that was given back");
});
