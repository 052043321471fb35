import assert from "node:assert/strict";
import { test } from "node:test";
import { hookTargetFrom } from "./hook-url.js";

for (const [text, form, url] of [
  ["https://hooks.example/a/b?c=1", "json", "https://hooks.example/a/b?c=1"],
  ["http://localhost:9000", "json", "http://localhost:9000"],
  ["grpcs://hooks.example:443", "grpc", "https://hooks.example:443"],
  ["grpc://127.0.0.1:50051", "grpc", "http://127.0.0.1:50051"],
  ["grpc://[::1]:50051", "grpc", "http://[::1]:50051"],
  ["connect+https://hooks.example/base/", "connect", "https://hooks.example/base"],
  ["connect+http://a.localhost:80", "connect", "http://a.localhost:80"],
] as const) {
  test(`${text} is called by ${form}`, () => {
    assert.deepEqual(hookTargetFrom(text, false), { form, url });
  });
}

for (const [text, reason] of [
  ["", /must begin with https:\/\//],
  ["hooks.example", /must begin with/],
  ["ftp://hooks.example", /must begin with/],
  ["grpc:", /must begin with/],
  ["https://ann:secret@hooks.example", /cannot have a password/],
  ["http://hooks.example/a", /another machine: use https:\/\//],
  ["grpc://127.0.0.1.example:1", /another machine: use grpcs:\/\//],
  ["connect+http://10.0.0.1", /another machine: use connect\+https:\/\//],
  ["grpcs://hooks.example:1/path", /ends with its port/],
  ["connect+https://hooks.example/a?b", /ends with its path/],
  ["https://hooks.example/#a", /ends with its path/],
] as const) {
  test(`${text === "" ? "an empty text" : text} is not a URL of hooks`, () => {
    assert.throws(
      () => hookTargetFrom(text, false),
      (error: Error) => error.name === "HookError" && reason.test(error.message) && !error.message.includes("secret"),
    );
  });
}

test("other machines are called in clear text if that is allowed", () => {
  assert.equal(hookTargetFrom("grpc://hooks.example:1", true).url, "http://hooks.example:1");
});
