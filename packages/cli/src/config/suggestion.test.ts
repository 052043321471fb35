import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, suggestion } from "./suggestion.js";

test("the name that is meant is found by a letter too many, too few, wrong, or swapped", () => {
  const names = ["port", "host", "allow-host", "auth-key", "auth-jwks", "retention-age"];
  for (const [wrong, name] of [
    ["prot", "port"],
    ["hosts", "host"],
    ["alow-host", "allow-host"],
    ["authKey", "auth-key"],
    ["AUTH_KEY", "auth-key"],
    ["auth-jwsk", "auth-jwks"],
    ["retenshun-age", undefined],
    ["x", undefined],
    ["colour", undefined],
  ] as const)
    assert.equal(nearest(wrong, names), name, wrong);
  assert.equal(suggestion("prot", names), "; did you mean port?");
  assert.equal(suggestion("x", names), "");
});
