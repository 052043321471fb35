import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { errorKinds, limits } from "@confab/contract";

// A row in one of the two tables costs nothing, and is in the documents at once: a limit that bounds nothing, or an error that is
// never raised, would be a promise that is not kept.

const packages = join(dirname(fileURLToPath(import.meta.url)), "../..");
const tables = /\/contract\/src\/(?:limits|errors|error-meanings)\.ts$/;
const paths = readdirSync(packages)
  .flatMap((name) =>
    readdirSync(join(packages, name, "src"), { recursive: true }).map((file) => `/${name}/src/${file}`),
  )
  .filter((path) => path.endsWith(".ts") && !tables.test(path) && !path.includes("/gen/"));
const isForTests = (path: string) => /\.test\.ts$|\/testing\/|^\/tests\//.test(path);
const sources = paths
  .filter((path) => !isForTests(path))
  .map((path) => readFileSync(join(packages, path), "utf8"))
  .join("\n");

test("every limit is asked for somewhere", () => {
  assert.deepEqual(
    Object.keys(limits).filter((name) => !new RegExp(`\\b${name}\\b`).test(sources)),
    [],
    "limits that bound nothing",
  );
});

test("every error is raised somewhere", () => {
  assert.deepEqual(
    Object.keys(errorKinds).filter((code) => !sources.includes(`"${code}"`)),
    [],
    "errors that no source raises",
  );
});
