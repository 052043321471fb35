import assert from "node:assert/strict";
import { test } from "node:test";
import { environmentSource, mistypedVariables } from "./environment.js";

test("variables that look like a mistyped one are told, and those of others are not", () => {
  const env = {
    CONFAB_ALOW_HOST: "a",
    CONFAB_AUTH_KEYS: "k",
    CONFAB_LIMIT_MAX_ROOM: "1",
    // Known, or of others: other commands, the tests, and Kubernetes with a service that is called confab.
    CONFAB_URL: "u",
    CONFAB_TOKEN: "t",
    CONFAB_REQUIRE: "chromium",
    CONFAB_SERVICE_HOST: "10.0.0.1",
    CONFAB_SERVICE_PORT: "8080",
    CONFAB_PORT_8080_TCP: "tcp://10.0.0.1:8080",
    CONFAB_PORT_8080_TCP_ADDR: "10.0.0.1",
    PORTS: "1",
  };
  assert.deepEqual(mistypedVariables(env), [
    { name: "CONFAB_ALOW_HOST", meant: "CONFAB_ALLOW_HOST" },
    { name: "CONFAB_AUTH_KEYS", meant: "CONFAB_AUTH_KEY" },
    { name: "CONFAB_LIMIT_MAX_ROOM", meant: "CONFAB_LIMIT_MAX_ROOMS" },
  ]);
});

// A pod beside a service that is called confab has this variable, and did not start.
test("CONFAB_PORT as Kubernetes sets it for a service is ignored", () => {
  assert.deepEqual([...environmentSource({ CONFAB_PORT: "tcp://10.0.0.1:8080" })], []);
  assert.deepEqual(environmentSource({ CONFAB_PORT: "9000" }).get("port")?.texts, ["9000"]);
});
