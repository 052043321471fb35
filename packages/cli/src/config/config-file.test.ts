import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { folderWith } from "../testing/temporary-files.js";
import { configFileSource } from "./config-file.js";

function sourceOf(t: TestContext, text: string) {
  return configFileSource(join(folderWith(t, { "confab.yaml": text }), "confab.yaml"), "--config");
}

/** The settings of a file, as texts. */
function textsIn(t: TestContext, text: string): Record<string, readonly string[] | undefined> {
  return Object.fromEntries([...sourceOf(t, text)].map(([name, { texts }]) => [name, texts]));
}

/** Why a file is refused, without the folder. */
function refusal(t: TestContext, text: string): string {
  const folder = folderWith(t, { "confab.yaml": text });
  try {
    configFileSource(join(folder, "confab.yaml"), "--config");
  } catch (error) {
    assert.ok(error instanceof Error && error.name === "UsageError", String(error));
    return error.message.replaceAll(`${folder}/`, "");
  }
  return "";
}

test("a file has single values, lists and limits", (t) => {
  const text = `
# comments are allowed
port: 9000
allow-anyone: true
auth-cookie: ""
retention-age: 12h
allow-host: [a.example, "*.b.example"]
allow-origin:
  - https://a.example
types: one.proto
limits:
  maxRooms: 5
`;
  assert.deepEqual(textsIn(t, text), {
    port: ["9000"],
    "allow-anyone": ["true"],
    "auth-cookie": [""],
    "retention-age": ["12h"],
    "allow-host": ["a.example", "*.b.example"],
    "allow-origin": ["https://a.example"],
    types: ["one.proto"],
    "limits.maxRooms": ["5"],
  });
});

test("JSON is a form of YAML, and an empty file has no settings", (t) => {
  assert.deepEqual(textsIn(t, '{"port": 9000, "limits": {"maxRooms": 5}}'), {
    port: ["9000"],
    "limits.maxRooms": ["5"],
  });
  for (const empty of ["", "\n# nothing yet\n", "---\n"]) assert.deepEqual(textsIn(t, empty), {}, empty);
});

test("a value says which line it is from, and numbers are taken as they are written", (t) => {
  const source = sourceOf(t, "host: ::1\n\nport: 0x10\n");
  assert.deepEqual(source.get("port")?.texts, ["0x10"]);
  assert.match(source.get("port")?.label ?? "", /confab\.yaml:3: port$/);
  assert.match(source.get("host")?.origin ?? "", /confab\.yaml:1$/);
});

test("a key without a value has none, which is not the same as an empty text", (t) => {
  assert.deepEqual(textsIn(t, "host:\nport: ~\nauth-cookie: ''\n"), {
    host: undefined,
    port: undefined,
    "auth-cookie": [""],
  });
});

// What a person gets wrong in a file, and the one line that says where and what.
for (const [what, text, message] of [
  ["a duplicate key", "port: 1\nhost: a\nport: 2\n", 'confab.yaml:3: the key "port" is there twice'],
  ["a duplicate key in JSON", '{"port": 1,\n"port": 2}', 'confab.yaml:2: the key "port" is there twice'],
  ["a duplicate limit", "limits:\n  maxRooms: 1\n  maxRooms: 2\n", 'confab.yaml:3: the key "maxRooms" is there twice'],
  ["a tab", "limits:\n\tmaxRooms: 1\n", "confab.yaml:2: indented by a tab; YAML takes spaces only"],
  ["an unknown key", "port: 1\nallow-hots: a\n", 'confab.yaml:2: unknown key "allow-hots"; did you mean allow-host?'],
  ["a key in another spelling", "authKey: k\n", 'confab.yaml:1: unknown key "authKey"; did you mean auth-key?'],
  ["a key like no other", "colour: red\n", 'confab.yaml:1: unknown key "colour"'],
  [
    "a limit outside of limits",
    "maxRooms: 5\n",
    'confab.yaml:1: unknown key "maxRooms"; did you mean limits: { maxRooms }?',
  ],
  ["an unknown limit", "limits:\n  maxRoom: 1\n", 'confab.yaml:2: unknown limit "maxRoom"; did you mean maxRooms?'],
  ["limits that are a number", "limits: 5\n", 'confab.yaml:1: limits must have lines such as "name: value"'],
  ["limits without any", "limits:\n", "confab.yaml:1: limits is empty; give it names and values, or remove it"],
  ["a list at the top", "- port\n", 'confab.yaml:1: the file must have lines such as "name: value"'],
  ["a list for a single value", "port: [1, 2]\n", "confab.yaml:1: port must be a single value"],
  ["a mapping in a list", "allow-host:\n  - a: b\n", "confab.yaml:1: allow-host must be a single value"],
  ["a reference", "host: &a x\nport: *a\n", "confab.yaml:2: port: references (*name) are not supported"],
  ["two documents", "port: 1\n---\nport: 2\n", /^confab\.yaml:2: not YAML: /],
  ["a missing quote", 'host: "a\nport: 1\n', /^confab\.yaml:\d: not YAML: /],
  ["a tag that is not known", "host: !secret a\n", /^confab\.yaml:1: not YAML: /],
] as const) {
  test(`a file with ${what} is refused, with its line`, (t) => {
    const shown = refusal(t, text);
    if (typeof message === "string") assert.equal(shown, message);
    else assert.match(shown, message);
    assert.ok(!shown.includes("\n"), "one line");
  });
}

test("a file that is missing, or is a folder, is named with the option that names it", (t) => {
  const folder = folderWith(t, {});
  assert.throws(
    () => configFileSource(join(folder, "no.yaml"), "--config"),
    /^UsageError: --config .*no\.yaml: no such file$/,
  );
  assert.throws(
    () => configFileSource(folder, "CONFAB_CONFIG"),
    /^UsageError: CONFAB_CONFIG .*cannot be read \(EISDIR\)$/,
  );
});
