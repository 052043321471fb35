import assert from "node:assert/strict";
import { test } from "node:test";
import { errorDetails } from "./error-details.js";
import { errorMeanings } from "./error-meanings.js";
import {
  ConfabError,
  confabErrorFrom,
  connectCodeFrom,
  type ErrorCode,
  type ErrorKind,
  errorKinds,
  grpcStatus,
  invalidMessage,
} from "./errors.js";

const kinds: readonly [string, ErrorKind][] = Object.entries(errorKinds);

/** connectrpc.com/docs/protocol#error-codes */
const connectCodes = new Set([
  "canceled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
]);

for (const [code, kind] of kinds) {
  test(`${code} has a form on every transport`, () => {
    assert.match(code, /^[A-Z]+(_[A-Z]+)*$/);
    assert.ok(kind.grpc in grpcStatus);
    assert.ok(connectCodes.has(connectCodeFrom(kind.grpc)), connectCodeFrom(kind.grpc));
    assert.ok(kind.http >= 400 && kind.http <= 599, `HTTP ${kind.http}`);
    assert.match(errorMeanings[code as ErrorCode], /^[A-Z].*[^.]$/);
  });

  test(`${code} says by its close code whether to come back`, () => {
    const { close, retry } = kind;
    if (close === undefined) return;
    if (close >= 4500 && close <= 4999) assert.ok(retry);
    else if (close >= 4000 && close <= 4499) assert.ok(!retry);
    // 1004..1006 and 1015 are not to be sent (RFC 6455 §7.4.1).
    else assert.ok([1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013].includes(close), `close code ${close}`);
  });
}

test("a close code tells which error it is: none stands for two", () => {
  const codes = kinds.flatMap(([, { close }]) => close ?? []);
  assert.equal(new Set(codes).size, codes.length);
});

test("gRPC status numbers are the specification's", () => {
  const numbers = Object.values(grpcStatus);
  assert.deepEqual(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
});

test("an error of the catalogue stays itself, and anything else is INTERNAL without its text", () => {
  const error = new ConfabError("NOT_SUBSCRIBED", "not here");
  assert.equal(confabErrorFrom(error), error);
  for (const thrown of [new Error("secret path /etc"), "secret", undefined, null, 7]) {
    const made = confabErrorFrom(thrown);
    assert.equal(made.code, "INTERNAL");
    assert.ok(!made.message.includes("secret"));
    assert.equal(made.facts.cause, thrown);
  }
});

test("INVALID_MESSAGE tells of as many violations as trailers can hold, and how many more there are", () => {
  const violations = Array.from({ length: 5_000 }, (_, i) => ({ field: `items[${i}]`, rule: "r", message: "no" }));
  assert.equal(invalidMessage(violations.slice(0, 2)).message, "items[0]: no; items[1]: no");
  const { message, facts } = invalidMessage(violations);
  assert.ok(message.length < 1_000 && message.endsWith("; and 4984 more"));
  assert.deepEqual(facts.violations, violations.slice(0, 16));
});

test("a wait is a whole number of milliseconds within a day, so that every form can say it", () => {
  for (const [ms, said] of [
    [1_500, 1_500],
    [9_876.000_000_2, 9_877],
    [-3, 0],
    [Number.NaN, 0],
    [Number.POSITIVE_INFINITY, 86_400_000],
  ] as const) {
    const error = new ConfabError("KEYS_UNAVAILABLE", "away", { retryAfterMs: ms });
    assert.equal(error.facts.retryAfterMs, said);
    assert.equal(errorDetails(error).length, 2);
  }
});
