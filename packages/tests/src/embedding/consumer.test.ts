import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const consumer = join(root, "packages/tests/consumer");

/** Which of the consumer's programs uses an entry of the package, and the source of that entry. */
const entries = [
  ["main.ts", "index.ts"],
  ["hooks.ts", "hooks.ts"],
  ["engine.ts", "engine.ts"],
  ["engine.ts", "testing/engine-suite/index.ts"],
  ["commands.ts", "tokens.ts"],
  ["commands.ts", "folder.ts"],
  ["commands.ts", "settings.ts"],
] as const;

describe("a project in TypeScript that uses @confab/server", () => {
  for (const [program, entry] of entries) {
    test(`${program} uses each name of ${entry}`, () => {
      const source = readFileSync(join(root, "packages/server/src", entry), "utf8");
      const used = readFileSync(join(consumer, program), "utf8");
      assert.deepEqual(
        namesOf(source).filter((name) => !new RegExp(`\\b${name}\\b`).test(used)),
        [],
      );
    });
  }

  test("compiles, strict and with the types of its libraries checked", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "confab-consumer-"));
    t.after(() => rm(folder, { recursive: true }));
    await cp(consumer, folder, { recursive: true });
    // The packages as they are published, beside what they say that they depend on. Links would resolve to this repository.
    const needed = new Set(["@types/node"]);
    for (const name of ["contract", "server"]) {
      const from = join(root, "packages", name);
      const to = join(folder, "node_modules/@confab", name);
      await cp(join(from, "package.json"), join(to, "package.json"), { recursive: true });
      await cp(join(from, "dist"), join(to, "dist"), { recursive: true, filter: (path) => !/\.(js|map)$/.test(path) });
      const { dependencies } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
      for (const each of Object.keys(dependencies)) if (!each.startsWith("@confab/")) needed.add(each);
    }
    for (const name of needed) {
      await mkdir(join(folder, "node_modules", dirname(name)), { recursive: true });
      await symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
    }
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const { code, stdout } = await runProgram(process.execPath, [compiler, "-p", folder], { cwd: folder });
    assert.deepEqual([code, stdout], [0, ""]);
  });
});

/** What a module exports: by lists, and where it is declared. */
function namesOf(source: string): readonly string[] {
  const listed = [...source.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) => list.split(","));
  const declared = [...source.matchAll(/^export (?:async )?(?:function|class|const|interface|type) (\w+)/gm)];
  return [...listed, ...declared.map(([, name = ""]) => name)]
    .map((name) => name.trim().replace("type ", ""))
    .filter((name) => name !== "");
}
