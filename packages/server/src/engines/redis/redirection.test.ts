import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorReply } from "@redis/client";
import { redirectionFrom } from "./redirection.js";

const from = { host: "10.0.0.1", port: 6379 };

test("where a server sends a command, by address, by name and by its own host", () => {
  for (const [text, expected] of [
    ["ASK 3999 127.0.0.1:6381", { isForGood: false, slot: 3999, address: { host: "127.0.0.1", port: 6381 } }],
    ["MOVED 3999 127.0.0.1:6381", { isForGood: true, slot: 3999, address: { host: "127.0.0.1", port: 6381 } }],
    ["MOVED 1 redis-2.example:6379", { isForGood: true, slot: 1, address: { host: "redis-2.example", port: 6379 } }],
    ["ASK 1 ::1:6379", { isForGood: false, slot: 1, address: { host: "::1", port: 6379 } }],
    ["ASK 1 :6380", { isForGood: false, slot: 1, address: { host: "10.0.0.1", port: 6380 } }],
  ] as const) {
    assert.deepEqual(redirectionFrom(new ErrorReply(text), from), expected, text);
  }
});

test("other errors send nowhere", () => {
  for (const text of ["ASK", "ASK x 127.0.0.1:1", "MOVED 1 nowhere", "TRYAGAIN Multiple keys", "ERR ASK 1 a:1"]) {
    assert.equal(redirectionFrom(new ErrorReply(text), from), undefined, text);
  }
  assert.equal(redirectionFrom(new Error("ASK 1 127.0.0.1:1"), from), undefined);
});
