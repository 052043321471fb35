import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readSettings } from "../serve/read-settings.js";
import { folderWith } from "../testing/temporary-files.js";

const url = "redis://confab:secret@db:6379";

async function settingsOf(args: readonly string[], env: Record<string, string> = {}) {
  return (await readSettings([...args], { env })).settings;
}

async function complaint(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  try {
    await settingsOf(args, env);
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "UsageError", String(error));
    assert.ok(!error.message.includes("secret"), "it shows no secret");
    return error.message;
  }
  return "";
}

test("the command line is stronger than the environment, that than the file, and that than the default", async (t) => {
  const file = join(
    folderWith(t, { "confab.yaml": "port: 3\nlimits: { maxRooms: 3, maxErrors: 33 }\n" }),
    "confab.yaml",
  );
  const env = { CONFAB_PORT: "2", CONFAB_LIMIT_MAX_ROOMS: "2" };
  const inFile = { CONFAB_CONFIG: file };
  for (const [args, variables, port, origin] of [
    [["--port", "1", "--config", file], env, 1, "--port"],
    [["--config", file], env, 2, "CONFAB_PORT"],
    [["--config", file], {}, 3, `${file}:1`],
    [[], inFile, 3, `${file}:1`],
    [[], {}, 8080, "default"],
  ] as const) {
    const settings = await settingsOf(args, variables);
    assert.deepEqual([settings.get("port"), settings.all.get("port")?.origin], [port, origin]);
  }
  // Each limit by itself: one of the command line leaves the others of the file.
  assert.deepEqual((await settingsOf(["--config", file, "--limit", "maxRooms=1"], env)).limits(), {
    maxRooms: 1,
    maxErrors: 33,
  });
  assert.deepEqual((await settingsOf(["--config", file], env)).limits(), { maxRooms: 2, maxErrors: 33 });
  assert.deepEqual((await settingsOf([])).limits(), {});
});

test("a list of one source replaces that of a weaker one; a variable has it with commas", async () => {
  const env = { CONFAB_ALLOW_HOST: "a.example, b.example" };
  assert.deepEqual((await settingsOf([], env)).get("allow-host"), ["a.example", "b.example"]);
  assert.deepEqual((await settingsOf(["--allow-host", "c", "--allow-host", "d"], env)).get("allow-host"), ["c", "d"]);
  assert.deepEqual((await settingsOf([])).get("allow-host"), []);
});

test("a switch of a weaker source can be taken back on the command line", async () => {
  const env = { CONFAB_ALLOW_ANYONE: "true", CONFAB_LOG_FORMAT: "json" };
  assert.deepEqual(
    [(await settingsOf([], env)).get("allow-anyone"), (await settingsOf([], env)).get("log-format")],
    [true, "json"],
  );
  const settings = await settingsOf(["--no-allow-anyone", "--no-json"], env);
  assert.deepEqual([settings.get("allow-anyone"), settings.get("log-format")], [false, "text"]);
  assert.equal((await settingsOf(["--json"])).get("log-format"), "json");
});

test("paths of the file are relative to its folder, others to the working directory", async (t) => {
  const folder = folderWith(t, {
    "confab.yaml": "data: log\ntypes: [a.proto, /b.proto]\nengine-file: engine\n",
    engine: `${url}\n`,
  });
  const settings = await settingsOf(["--config", join(folder, "confab.yaml"), "--tls-key", "key"]);
  assert.equal(settings.get("data"), join(folder, "log"));
  assert.deepEqual(settings.get("types"), [join(folder, "a.proto"), "/b.proto"]);
  assert.equal(settings.get("engine"), url);
  assert.equal(settings.get("tls-key"), "key");
});

test("a wrong value names its source, its text and what it must be", async (t) => {
  const file = join(folderWith(t, { "confab.yaml": "port: 70000\nretention-age: 7 days\n" }), "confab.yaml");
  for (const [args, env, message] of [
    [["--port", "x"], {}, "--port x: must be a whole number from 0 to 65535"],
    [["--limit", "maxRooms=0"], {}, "--limit maxRooms=0: must be a whole number from 1 to 100000000"],
    [[], { CONFAB_PORT: "x" }, "CONFAB_PORT=x: must be a whole number from 0 to 65535"],
    [[], { CONFAB_ALLOW_ANYONE: "yes" }, "CONFAB_ALLOW_ANYONE=yes: must be true or false"],
    [[], { CONFAB_LIMIT_MAX_ROOMS: "-1" }, "CONFAB_LIMIT_MAX_ROOMS=-1: must be a whole number from 1 to 100000000"],
    [["--config", file], {}, `${file}:1: port: 70000: must be a whole number from 0 to 65535`],
    [
      ["--config", file, "--port", "1"],
      {},
      `${file}:2: retention-age: 7 days: must be a time such as 90s, 30m, 12h or 7d`,
    ],
    [["--data", ""], {}, "--data : must be a path"],
    [["--limit", "maxFish=1"], {}, /^--limit maxFish=1: must be NAME=N, where NAME is one of maxMessageBytes, /],
    [["--limit", "maxRoms=1"], {}, "--limit maxRoms=1: must be NAME=N; did you mean maxRooms?"],
    [["--alow-host", "x"], {}, "Unknown option '--alow-host'; did you mean --allow-host?"],
  ] as const) {
    const shown = await complaint(args, env);
    if (typeof message === "string") assert.equal(shown, message);
    else assert.match(shown, message);
  }
});

test("a variable that is set to nothing is an error, unless a stronger source has the setting", async () => {
  for (const [variable, form] of [
    ["CONFAB_PORT", "whole number from 0 to 65535"],
    ["CONFAB_AUTH_KEY", "path of a file"],
    ["CONFAB_ALLOW_HOST", "host name, *.suffix or *"],
    ["CONFAB_LIMIT_MAX_ROOMS", "whole number from 1 to 100000000"],
  ] as const)
    assert.equal(await complaint([], { [variable]: "" }), `${variable} is empty; set it to ${form}, or unset it`);
  assert.equal(
    await complaint([], { CONFAB_CONFIG: "" }),
    "CONFAB_CONFIG is empty; set it to the path of a file, or unset it",
  );
  assert.equal(await complaint(["--port", "1"], { CONFAB_PORT: "" }), "");
});

test("the engine comes from the option, else from a variable, else from a file that a variable names", async (t) => {
  const file = join(folderWith(t, { engine: url }), "engine");
  for (const [args, env, value, label] of [
    [[], {}, "embedded", "--engine"],
    [["--engine", "embedded"], { CONFAB_ENGINE: url, CONFAB_ENGINE_FILE: "" }, "embedded", "--engine"],
    [[], { CONFAB_ENGINE: url }, url, "CONFAB_ENGINE"],
    [[], { CONFAB_ENGINE_FILE: file }, url, "CONFAB_ENGINE_FILE"],
    [["--engine-file", file], { CONFAB_ENGINE: "" }, url, "--engine-file"],
  ] as const) {
    const settings = await settingsOf(args, env);
    assert.deepEqual([settings.get("engine"), settings.labelOf("engine")], [value, label]);
  }
});

test("one line break at the end of a file with a secret is left out, and nothing else", async (t) => {
  for (const [text, value] of [
    [`${url}\n`, url],
    [`${url}\r\n`, url],
    [`${url}\n\n`, `${url}\n`],
    [`${url} `, `${url} `],
  ] as const) {
    const file = join(folderWith(t, { engine: text }), "engine");
    assert.equal((await settingsOf([], { CONFAB_ENGINE_FILE: file })).get("engine"), value);
  }
});

test("an empty variable, an empty or missing file with a secret, and two of them are errors that name it", async (t) => {
  const folder = folderWith(t, { empty: "\n" });
  const empty = join(folder, "empty");
  for (const [env, message] of [
    [{ CONFAB_ENGINE: "" }, /^CONFAB_ENGINE is empty; set it to URL of a Redis, or embedded, or unset it$/],
    [{ CONFAB_ENGINE_FILE: "" }, /^CONFAB_ENGINE_FILE is empty; set it to the path of a file, or unset it$/],
    [{ CONFAB_ENGINE_FILE: empty }, /^CONFAB_ENGINE_FILE .*: the file is empty/],
    [{ CONFAB_ENGINE_FILE: "/no/such/file" }, /^CONFAB_ENGINE_FILE \/no\/such\/file: no such file$/],
    [{ CONFAB_ENGINE_FILE: folder }, /^CONFAB_ENGINE_FILE .*: the file cannot be read \(EISDIR\)$/],
    [{ CONFAB_ENGINE: url, CONFAB_ENGINE_FILE: empty }, /^CONFAB_ENGINE and CONFAB_ENGINE_FILE are both set/],
    [{ CONFAB_ENGINE: "", CONFAB_ENGINE_FILE: "" }, /^CONFAB_ENGINE and CONFAB_ENGINE_FILE are both set/],
  ] as const)
    assert.match(await complaint([], env), message);
  assert.match(await complaint(["--engine", url, "--engine-file", empty]), /^--engine and --engine-file are both set/);
});
