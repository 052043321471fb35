import assert from "node:assert/strict";
import { test } from "node:test";
import { hasPassword } from "./engine.js";

test("a URL with a password is told from one without", () => {
  for (const one of [
    "redis://confab:secret@db:6379",
    "redis://:secret@db",
    "rediss://:p@ss@db",
    "redis+cluster://confab:secret@a,b:1",
    "redis+sentinel://a,b/rooms?sentinel-password=secret",
  ]) {
    assert.ok(hasPassword(one), one);
  }
  for (const one of ["embedded", "redis://db:6379", "redis://confab@db:6379", "redis+cluster://[::1]:1,b:2"]) {
    assert.ok(!hasPassword(one), one);
  }
});
