import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { connectTimeoutMs, grpcTimeoutMs, startDeadline } from "./timeout.js";

function isInvalidTimeout(error: unknown): boolean {
  return error instanceof ConfabError && error.code === "INVALID_TIMEOUT";
}

for (const [header, ms] of [
  [undefined, undefined],
  ["0n", 0],
  ["1n", 0.000_001],
  ["500u", 0.5],
  ["250m", 250],
  ["1S", 1_000],
  ["2M", 120_000],
  ["1H", 3_600_000],
  ["00000001S", 1_000],
  ["99999999H", 99_999_999 * 3_600_000],
] as const) {
  test(`grpc-timeout ${header} is ${ms} ms`, () => {
    assert.ok(
      ms === undefined
        ? grpcTimeoutMs(header) === undefined
        : Math.abs((grpcTimeoutMs(header) ?? -1) - ms) <= ms * 1e-9,
    );
  });
}

for (const header of [
  "",
  "1",
  "S",
  "-1S",
  "+1S",
  "1.5S",
  "123456789S",
  "1 S",
  " 1S",
  "1S ",
  "1s",
  "1h",
  "1S\n",
  "1SS",
  "1S, 2S",
  "١S",
  "1e3m",
]) {
  test(`grpc-timeout ${JSON.stringify(header)} is INVALID_TIMEOUT`, () => {
    assert.throws(() => grpcTimeoutMs(header), isInvalidTimeout);
  });
}

test("connect-timeout-ms is up to ten digits", () => {
  assert.equal(connectTimeoutMs(undefined), undefined);
  assert.deepEqual(["0", "1", "0000000007", "9999999999"].map(connectTimeoutMs), [0, 1, 7, 9_999_999_999]);
});

for (const header of ["", "-1", "1.5", "10000000000", "1m", "0x10", " 1", "1\n", "1, 2"]) {
  test(`connect-timeout-ms ${JSON.stringify(header)} is INVALID_TIMEOUT`, () => {
    assert.throws(() => connectTimeoutMs(header), isInvalidTimeout);
  });
}

test("a deadline longer than a timer can wait is none, instead of one that is over at once", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let expired = 0;
  assert.equal(
    startDeadline(2 ** 31, () => expired++),
    undefined,
  );
  assert.equal(
    startDeadline(undefined, () => expired++),
    undefined,
  );
  startDeadline(2 ** 31 - 1, () => expired++);
  const cancel = startDeadline(5, () => expired++);
  cancel?.();
  t.mock.timers.tick(2 ** 31 - 2);
  assert.equal(expired, 0);
  t.mock.timers.tick(1);
  assert.equal(expired, 1);
});
