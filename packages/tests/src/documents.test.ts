import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const folder = join(root, "docs/decisions");
const files = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .toSorted();

// Three decisions had the number 0018, and a comment that named one of them could mean any.
describe("the decision records", () => {
  it("have the numbers from 0001 on, each once, in their names and in their titles", () => {
    const numbers = files.map((name) => name.slice(0, 4));
    assert.deepEqual(
      numbers,
      files.map((_, index) => String(index + 1).padStart(4, "0")),
    );
    assert.deepEqual(
      files.map((name) => titleOf(name).slice(0, 5)),
      numbers.map((number) => `${number} `),
    );
  });

  it("are all listed in the index, in order and by their titles", () => {
    const listed = readFileSync(join(folder, "README.md"), "utf8").match(/^- \[.*$/gm) ?? [];
    assert.deepEqual(
      listed,
      files.map((name) => `- [${titleOf(name)}](${name})`),
    );
  });
});

describe("the documents", () => {
  it("link only to files that exist", () => {
    const documents = documentsIn("");
    assert.ok(documents.includes("README.md") && documents.includes("docs/performance.md"), documents.join());
    const broken = documents.flatMap((path) =>
      linksIn(path)
        .filter((target) => !existsSync(join(root, dirname(path), target)))
        .map((target) => `${path}: ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  // The memory of an idle WebSocket was 5.7, 5.8 and 10 to 12 KB in three documents: two were written by hand.
  for (const path of ["docs/grpc-or-websockets.md", "docs/performance.md"]) {
    it(`have measured figures only between the marks of the command that measures them: ${path}`, () => {
      const text = readFileSync(join(root, path), "utf8");
      const byHand = text
        .replaceAll(/<!-- figures: (\w+) -->.*?<!-- end: \1 -->/gs, "")
        .replaceAll(/<!--=[^>]+-->.*?<!--=-->/gs, "");
      assert.notEqual(byHand, text, "it has marks");
      assert.deepEqual(byHand.match(/\d[\d.,]* ?(?:B|KB|MB|µs|ms)\b/g) ?? [], []);
    });
  }
});

/** Every document of the repository, by its path from the root. */
function documentsIn(path: string): readonly string[] {
  return readdirSync(join(root, path), { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    if (entry.isDirectory()) return isOurs(entry.name) ? documentsIn(inside) : [];
    return entry.name.endsWith(".md") ? [inside] : [];
  });
}

/** Not the folders with files of others, or with what a build made. */
function isOurs(folder: string): boolean {
  return !folder.startsWith(".") && !["node_modules", "dist", "lib"].includes(folder);
}

function titleOf(name: string): string {
  return /^# (.*)$/m.exec(readFileSync(join(folder, name), "utf8"))?.[1] ?? assert.fail(`${name} has no title`);
}

/** The files that a document links to, without the places in them and without addresses. */
function linksIn(path: string): readonly string[] {
  const text = readFileSync(join(root, path), "utf8").replaceAll(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}
