import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../fixture/run-program.js";
import { requirePart } from "../optional-parts.js";

/** What each version runs: storage, HTTP, every transport against every other, the SDK on each, and a killed server. */
const suites = ["matrix/matrix", "parity/parity", "crash", "sdk/hearing", "promises/resume", "cli"] as const;

/** The versions of tools/node-versions. The version that runs the tests is covered by `npm test`. */
const versions = ["22", "24", "26"] as const;

for (const version of versions) {
  describe(`on Node ${version}`, () => {
    for (const suite of suites) {
      it(`${suite} holds`, async (t) => {
        const folder = requirePart(t, "node-versions");
        if (folder === undefined) return;
        const node = join(folder, `node-${version}/bin/node`);
        // Without the mark by which a test runner knows its own children: this run prints for people.
        const { NODE_TEST_CONTEXT: _, ...env } = process.env;
        const file = fileURLToPath(new URL(`../${suite}.test.js`, import.meta.url));
        const { code, stdout, stderr } = await runProgram(node, ["--test-reporter=spec", file], { env });
        assert.equal(code, 0, stderr + stdout);
        assert.match(stdout, /^ℹ pass [1-9]/m);
      });
    }
  });
}
