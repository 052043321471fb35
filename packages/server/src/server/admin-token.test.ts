import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { adminTokenIn } from "./admin-token.js";
import { ConfigError } from "./config.js";

const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
function newFolder(): string {
  const made = join(folder, String(count++));
  mkdirSync(made);
  return made;
}

test("the token is made once, is in a file of its owner, and has 256 bits", () => {
  const data = newFolder();
  const { file, token } = adminTokenIn(data);
  assert.match(token, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(readFileSync(file, "utf8"), `${token}\n`);
  if (process.platform !== "win32") assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(adminTokenIn(data), { file, token });
  assert.notEqual(adminTokenIn(newFolder()).token, token);
});

for (const [name, content] of [
  ["nothing", ""],
  ["a blank line", "\n"],
  ["a word", "secret\n"],
  ["half a token", "AAAAAAAAAAAAAAAAAAAAA\n"],
  ["a token and more", `${"A".repeat(43)} B\n`],
] as const) {
  test(`a file with ${name} is refused, and is not replaced`, () => {
    const data = newFolder();
    const { file } = adminTokenIn(data);
    writeFileSync(file, content);
    assert.throws(
      () => adminTokenIn(data),
      (error) => error instanceof ConfigError && error.message.startsWith(`${file} does not hold a token`),
    );
    assert.equal(readFileSync(file, "utf8"), content);
  });
}

test("a folder in the place of the file is said to be in the way", () => {
  const data = newFolder();
  const { file } = adminTokenIn(data);
  rmSync(file);
  mkdirSync(file);
  assert.throws(() => adminTokenIn(data), /cannot be used \(E[A-Z]+\)/);
});
