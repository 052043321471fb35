import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const page = readFileSync(`${root}docs/embedding.md`, "utf8");
const pages = { "docs/embedding.md": page, "docs/hooks.md": readFileSync(`${root}docs/hooks.md`, "utf8") };

for (const [name, text] of Object.entries(pages)) {
  const programs = [...text.matchAll(/^```js run\n([\s\S]*?)^```$/gm)].map(([, program = ""]) => program);
  for (const [index, program] of programs.entries()) {
    test(`${name}: program ${index + 1} of ${programs.length} prints what it says`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "confab-documented-"));
      t.after(() => rm(folder, { recursive: true }));
      await symlink(join(root, "node_modules"), join(folder, "node_modules"));
      const args = ["--input-type=module", "--eval", program];
      const { code, stdout, stderr } = await runProgram(process.execPath, args, { cwd: folder });
      assert.equal(code, 0, stderr);
      const said = program.split("\n").filter((line) => line.startsWith("// ") && isOutput(program, line));
      assert.deepEqual(
        stdout.trimEnd().split("\n"),
        said.map((line) => line.slice(3)),
      );
    });
  }
}

test("docs/embedding.md shows each name that the package exports, which are at most 30", () => {
  const entry = readFileSync(`${root}packages/server/src/index.ts`, "utf8");
  const names = [...entry.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = ""]) =>
    list.split(",").map((name) => name.replace("type ", "").trim()),
  );
  const exported = names.filter((name) => name !== "");
  assert.ok(exported.length <= 30, `${exported.length} names`);
  assert.deepEqual(
    exported.filter((name) => !new RegExp(`\\b${name}\\b`).test(page)),
    [],
  );
});

/** The comments at the end of a program are what it prints. */
function isOutput(text: string, line: string): boolean {
  const after = text.slice(text.lastIndexOf(`\n${line}\n`));
  return after.split("\n").every((each) => each === "" || each.startsWith("// "));
}
