import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../command.js";
import { engineSettingFrom, hasPassword } from "./engine-url.js";

const url = "redis://confab:secret@db:6379";

async function fileWith(t: { after(run: () => Promise<void>): void }, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "confab-engine-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "engine");
  await writeFile(file, text);
  return file;
}

test("the engine comes from the option, else from a variable, else from a file that a variable names", async (t) => {
  const file = await fileWith(t, url);
  assert.equal(engineSettingFrom(undefined, {}), undefined);
  assert.deepEqual(engineSettingFrom("embedded", { CONFAB_ENGINE: url, CONFAB_ENGINE_FILE: "" }), {
    value: "embedded",
    key: "--engine",
  });
  assert.deepEqual(engineSettingFrom(undefined, { CONFAB_ENGINE: url }), { value: url, key: "CONFAB_ENGINE" });
  assert.deepEqual(engineSettingFrom(undefined, { CONFAB_ENGINE_FILE: file }), {
    value: url,
    key: "CONFAB_ENGINE_FILE",
  });
});

test("one line break at the end of the file is left out, and nothing else", async (t) => {
  for (const [text, value] of [
    [`${url}\n`, url],
    [`${url}\r\n`, url],
    [`${url}\n\n`, `${url}\n`],
    [`${url} `, `${url} `],
  ] as const) {
    assert.equal(engineSettingFrom(undefined, { CONFAB_ENGINE_FILE: await fileWith(t, text) })?.value, value);
  }
});

test("an empty variable, an empty or missing file and two variables are errors that name the variable", async (t) => {
  const empty = await fileWith(t, "\n");
  for (const [env, message] of [
    [{ CONFAB_ENGINE: "" }, /^CONFAB_ENGINE is empty/],
    [{ CONFAB_ENGINE_FILE: "" }, /^CONFAB_ENGINE_FILE is empty/],
    [{ CONFAB_ENGINE_FILE: empty }, /^CONFAB_ENGINE_FILE .*: the file is empty/],
    [{ CONFAB_ENGINE_FILE: "/no/such/file" }, /^CONFAB_ENGINE_FILE \/no\/such\/file: no such file$/],
    [{ CONFAB_ENGINE_FILE: tmpdir() }, /^CONFAB_ENGINE_FILE .*: the file cannot be read \(EISDIR\)$/],
    [{ CONFAB_ENGINE: url, CONFAB_ENGINE_FILE: empty }, /^CONFAB_ENGINE and CONFAB_ENGINE_FILE are both set/],
    [{ CONFAB_ENGINE: "", CONFAB_ENGINE_FILE: "" }, /^CONFAB_ENGINE and CONFAB_ENGINE_FILE are both set/],
  ] as const) {
    assert.throws(
      () => engineSettingFrom(undefined, env),
      (thrown) => {
        assert.ok(thrown instanceof UsageError);
        assert.match(thrown.message, message);
        return !thrown.message.includes("secret");
      },
    );
  }
});

test("a URL with a password is told from one without", () => {
  for (const one of [
    url,
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
