// `npm run check`: everything that is checked beside the tests. Runs every step, also after one that failed.
//
//     npm run check                 all steps
//     npm run check -- lint docs    these steps, on what the last build left
import { checkGeneratedCode, checkReleaseCompatibility, checkTutorialCompatibility } from "./contract.mjs";
import { checkDocs } from "./docs.mjs";
import { checkDuplicates } from "./duplicates.mjs";
import { checkLockFile } from "./lock-file.mjs";
import { checkPlainEnglish } from "./plain-english.mjs";
import { runProgram } from "./steps.mjs";

/** @type {readonly import("./steps.mjs").Step[]} */
const steps = [
  { name: "types", run: () => runProgram("tsc", ["-b"]) },
  { name: "lint", run: () => runProgram("biome", ["check", "--error-on-warnings", "--max-diagnostics=30"]) },
  { name: "contract-lint", run: () => runProgram("buf", ["lint"]) },
  {
    name: "contract-format",
    run: () => runProgram("buf", ["format", "--path", "proto/confab", "--diff", "--exit-code"]),
  },
  { name: "tutorial-compatibility", run: checkTutorialCompatibility },
  { name: "release-compatibility", run: checkReleaseCompatibility },
  { name: "generated-code", run: checkGeneratedCode },
  {
    name: "import-arrows",
    run: () => runProgram("node", ["--test", "--test-reporter=spec", "packages/tests/dist/import-arrows.test.js"]),
  },
  { name: "dead-code", run: () => runProgram("knip", ["--no-progress"]) },
  {
    name: "code-for-tests-only",
    run: () => runProgram("knip", ["--no-progress", "--production", "--exclude", "binaries"]),
  },
  { name: "duplicates", run: checkDuplicates },
  { name: "plain-english", run: checkPlainEnglish },
  { name: "docs", run: checkDocs },
  { name: "lock-file", run: checkLockFile },
];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !steps.some((step) => step.name === name));
if (unknown.length > 0) {
  console.error(`no such step: ${unknown.join(", ")}; there are ${steps.map((step) => step.name).join(", ")}`);
  process.exit(2);
}

/** @type {string[]} */
const failed = [];
for (const step of steps) {
  if (names.length > 0 && !names.includes(step.name)) continue;
  const startedAtMs = performance.now();
  const result = await step.run().catch((error) => ({ isGood: false, text: String(error?.message ?? error) }));
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  const remark = result.isGood && result.text !== "" ? `  (${result.text})` : "";
  console.log(`${result.isGood ? "ok    " : "FAILED"} ${step.name.padEnd(24)} ${seconds.padStart(5)} s${remark}`);
  if (result.isGood) continue;
  console.log(`${result.text.replace(/^/gm, "       ")}\n`);
  failed.push(step.name);
}
console.log(failed.length === 0 ? "check: all good" : `check: failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
