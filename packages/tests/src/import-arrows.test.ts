import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { cyclesIn } from "./arrows/cycles.js";
import { parseSourceFile, type SourceFile } from "./arrows/source-file.js";
import { violationsIn } from "./arrows/violations.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
let files: readonly SourceFile[] = [];

before(async () => {
  const paths = await sourcePaths();
  files = await Promise.all(paths.map(async (path) => parseSourceFile(path, await readFile(join(root, path), "utf8"))));
});

test("every import of every source file is an arrow of the picture", () => {
  assert.ok(files.length > 50, `only ${files.length} source files were found`);
  assert.deepEqual(violationsIn(files), []);
});

test("no file imports itself by a detour, not even for a type", () => {
  assert.deepEqual(cyclesIn(files), []);
});

async function sourcePaths(): Promise<string[]> {
  const packages = await readdir(join(root, "packages"));
  const found = await Promise.all(
    packages.map(async (name) => {
      const folder = `packages/${name}/src`;
      const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
      return names.map((file) => `${folder}/${file}`);
    }),
  );
  return found.flat().filter((path) => /\.tsx?$/.test(path));
}
