import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultDedupeWindowMs, limits } from "@confab/contract";
import { defaultRetention } from "@confab/server";
import { readSettings } from "../serve/read-settings.js";
import { serverConfigFrom } from "../serve/server-config.js";
import { fileNameOf, namesOf } from "./setting.js";
import { allSettings } from "./settings.js";

async function config(...args: string[]) {
  return serverConfigFrom((await readSettings(args, { env: {} })).settings);
}

test("no two settings have a name in common, in any of the places where they are given", () => {
  const names = [...allSettings].flatMap(([name, { isSecret }]) => (isSecret ? [name, fileNameOf(name)] : [name]));
  for (const place of ["flag", "variable", "key"] as const) {
    const all = names.map((name) => namesOf(name)[place]);
    assert.equal(new Set(all).size, all.length, place);
  }
  assert.deepEqual(namesOf("auth-key"), { flag: "--auth-key", variable: "CONFAB_AUTH_KEY", key: "auth-key" });
  assert.equal(namesOf("limits.maxRooms").variable, "CONFAB_LIMIT_MAX_ROOMS");
});

test("the defaults of the table are the server's own", async () => {
  const { port, host, retention, dedupeWindowMs, engine, auth } = await config();
  assert.deepEqual(
    [host, port, retention, dedupeWindowMs, auth],
    ["127.0.0.1", 8080, defaultRetention, defaultDedupeWindowMs, undefined],
  );
  assert.deepEqual(engine, { kind: "embedded", dataDir: "confab-data", durability: "fsync" });
  const numbers = Object.keys(limits).map((name) => allSettings.get(`limits.${name}`)?.fallback);
  assert.deepEqual(
    numbers,
    Object.values(limits).map(({ fallback }) => String(fallback)),
  );
});

test("settings reach the server's configuration with their units", async () => {
  const { retention, dedupeWindowMs, auth, allowAnyone } = await config(
    ...["--retention-age", "12h", "--retention-bytes", "2MiB", "--retention-messages", "none"],
    ...["--dedupe-window", "90s", "--auth-key", "k", "--auth-cookie", "none", "--allow-anyone"],
  );
  assert.deepEqual(retention, { maxAgeMs: 43_200_000, maxBytes: 2_097_152 });
  assert.deepEqual([dedupeWindowMs, allowAnyone], [90_000, true]);
  assert.deepEqual(auth, { keyFiles: ["k"], clockToleranceMs: 5_000, cookie: "", isInUrlTaken: false });
});
