import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "./files.mjs";
import { mutants } from "./mutants.mjs";

const all = Object.values(mutants).flat();

for (const { name, file, find, replace } of all) {
  test(`the mutant "${name}" changes one place of ${file}`, () => {
    const places = readFileSync(join(root, file), "utf8").split(find).length - 1;
    assert.equal(places, 1, `its text stands ${places} times in the file: correct scripts/mutants.mjs`);
    assert.notEqual(find, replace);
  });
}

test("there are at least 60 mutants, and no name stands twice", () => {
  assert.ok(all.length >= 60);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
});
