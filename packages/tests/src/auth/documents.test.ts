import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const document = readFileSync(join(root, "docs/access.md"), "utf8");

/** Without indentation: in a document a piece of a program stands further to the left. */
const flush = (text: string): string => text.replaceAll(/^[ \t]+/gm, "");

describe("the code for stock clients in docs/access.md", () => {
  const section = /^## With stock clients\n([\s\S]*?)^## /m.exec(document)?.[1] ?? "";
  const examples = [...section.matchAll(/\[(?:program|page)\]\(\.\.\/([^)]+)\)[\s\S]*?^```\w+\n([\s\S]*?)^```/gm)];

  it("is there for each of them", () => {
    assert.deepEqual(
      examples.map(([, path]) => path?.split("/").at(-1)),
      ["main.go", "token-client.py", "token-clients.mjs", "token-clients.mjs", "token-clients.mjs"],
    );
  });

  for (const [, path = "", code = ""] of examples) {
    const program = flush(readFileSync(join(root, path), "utf8"));
    for (const piece of code.trimEnd().split(/\n\n(?=\S)/)) {
      it(`is what ${path} runs: ${piece.split("\n", 1)[0]}`, () => {
        assert.ok(program.includes(flush(piece)), piece);
      });
    }
  }
});
