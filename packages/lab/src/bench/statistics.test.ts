import assert from "node:assert/strict";
import { test } from "node:test";
import { median, medianOfKnown, percentile, ratio } from "./statistics.js";

test("a percentile is the nearest-rank sample", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile(hundred, 1), 100);
  assert.equal(percentile([1, 2, 3], 0.5), 2);
});

test("every percentile of one sample is that sample", () => {
  assert.equal(percentile([7], 0.01), 7);
  assert.equal(percentile([7], 0.99), 7);
});

test("a percentile of nothing is undefined", () => {
  assert.equal(percentile([], 0.5), undefined);
});

test("a share outside (0, 1] is refused", () => {
  for (const share of [0, -0.1, 1.1, Number.NaN]) assert.throws(() => percentile([1], share), RangeError);
});

test("a median sorts by number and leaves the caller's order alone", () => {
  const values = [10, 9, 100];
  assert.equal(median(values), 10);
  assert.deepEqual(values, [10, 9, 100]);
});

test("the median of an even number of values is the mean of the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test("a median passes over rounds without a figure", () => {
  assert.equal(medianOfKnown([undefined, 3, 1, undefined, 2]), 2);
  assert.equal(medianOfKnown([undefined]), undefined);
});

test("a ratio to nothing is no figure", () => {
  assert.equal(ratio(3, 2), 1.5);
  assert.equal(ratio(3, 0), undefined);
  assert.equal(ratio(undefined, 2), undefined);
  assert.equal(ratio(3, undefined), undefined);
});
