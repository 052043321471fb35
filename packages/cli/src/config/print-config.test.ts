import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { readSettings } from "../serve/read-settings.js";
import { folderWith } from "../testing/temporary-files.js";
import { configJson, configText } from "./print-config.js";
import { allSettings } from "./settings.js";

async function settingsOf(args: string[], env: Record<string, string> = {}) {
  return (await readSettings(args, { env })).settings;
}

test("each setting is printed with its value and its origin", async (t) => {
  const file = join(folderWith(t, { "confab.yaml": "\nretention-age: 12h\n" }), "confab.yaml");
  const settings = await settingsOf(["--port", "9000", "--config", file], {
    CONFAB_ALLOW_HOST: "*.a.example,b",
    CONFAB_LIMIT_MAX_ROOMS: "7",
  });
  const text = configText(settings);
  for (const line of [
    /^port: 9000 +# --port$/m,
    /^# host: 127\.0\.0\.1 +# default$/m,
    /^# tls-cert: +# default$/m,
    new RegExp(`^retention-age: 12h +# ${file}:2$`, "m"),
    /^allow-host: \[ "\*\.a\.example", b \] +# CONFAB_ALLOW_HOST$/m,
    /^limits:\n# {3}maxMessageBytes: 65536 +# default$/m,
    /^ {2}maxRooms: 7 +# CONFAB_LIMIT_MAX_ROOMS$/m,
  ])
    assert.match(text, line);
  const rows = JSON.parse(configJson(settings)) as { name: string; value: unknown; origin: string }[];
  assert.deepEqual(
    rows.map(({ name }) => name),
    [...allSettings.keys()],
  );
  assert.deepEqual(
    rows.filter(({ origin }) => origin !== "default"),
    [
      { name: "port", value: 9000, origin: "--port" },
      { name: "retention-age", value: "12h", origin: `${file}:2` },
      { name: "allow-host", value: ["*.a.example", "b"], origin: "CONFAB_ALLOW_HOST" },
      { name: "limits.maxRooms", value: 7, origin: "CONFAB_LIMIT_MAX_ROOMS" },
    ],
  );
});

test("what is printed is itself a file with these settings", async (t) => {
  const given = ["--port", "9000", "--allow-host", "*", "--auth-cookie", "", "--allow-anyone", "--limit", "maxRooms=7"];
  const printed = configText(await settingsOf(given));
  assert.equal((parse(printed) as { port: number }).port, 9_000);
  const again = await settingsOf(["--config", join(folderWith(t, { "confab.yaml": printed }), "confab.yaml")]);
  for (const [name, { value, setting }] of (await settingsOf(given)).all)
    if (!setting.kind.isPath) assert.deepEqual(again.all.get(name)?.value, value, name);
});

test("a secret is not printed", async () => {
  const settings = await settingsOf([], { CONFAB_ENGINE: "redis://:hush@db" });
  assert.match(configText(settings), /^# engine: \(hidden\) +# CONFAB_ENGINE$/m);
  assert.doesNotMatch(configText(settings) + configJson(settings), /hush/);
  assert.match(configText(await settingsOf([])), /^# engine: embedded +# default$/m);
});
