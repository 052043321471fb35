// The checks of the contract: lint, breaking changes, and whether the generated code is that of the contract.
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./files.mjs";
import { mustRun, runProgram } from "./steps.mjs";

/** @typedef {import("./steps.mjs").StepResult} StepResult */

const generatedFolders = ["packages/contract/src/gen", "packages/contract/proto"];

/** Rules on what a client can see, wherever the declaration stands: the tutorial's file has another name than ours. */
const packageRules = JSON.stringify({ version: "v2", breaking: { use: ["PACKAGE"] } });

/**
 * The contract must stay a superset of the tutorial's `chat.proto`. That file has no package; with ours put in, buf
 * compares the two as an old and a new version of one contract.
 *
 * @returns {Promise<StepResult>}
 */
export function checkTutorialCompatibility() {
  return inTemporaryFolder(async (folder) => {
    const tutorial = await readFile(join(root, "proto/tutorial/chat.proto"), "utf8");
    const syntaxLine = /^syntax = "proto3";$/m;
    if (!syntaxLine.test(tutorial)) throw new Error('proto/tutorial/chat.proto has no line syntax = "proto3";');
    await mkdir(join(folder, "tutorial"));
    await writeFile(join(folder, "tutorial/chat.proto"), tutorial.replace(syntaxLine, "$&\npackage confab.v1;"));
    const [before, now] = [join(folder, "tutorial.binpb"), join(folder, "contract.binpb")];
    await mustRun("buf", ["build", join(folder, "tutorial"), "-o", before]);
    await mustRun("buf", ["build", "--path", "proto/confab", "-o", now]);
    return runProgram("buf", ["breaking", now, "--against", before, "--config", packageRules]);
  });
}

/**
 * The contract must not break clients of the newest release.
 *
 * @returns {Promise<StepResult>}
 */
export async function checkReleaseCompatibility() {
  const tag = newestTag();
  if (tag === undefined) return { isGood: true, text: "no release to compare with yet" };
  const result = await runProgram("buf", ["breaking", "--against", `.git#tag=${tag}`]);
  return result.isGood ? { isGood: true, text: `against ${tag}` } : result;
}

/**
 * The generated code in the repository must be what the contract generates.
 *
 * @returns {Promise<StepResult>}
 */
export function checkGeneratedCode() {
  return inTemporaryFolder(async (folder) => {
    await mustRun("buf", ["generate", "-o", folder]);
    /** @type {string[]} */
    const stale = [];
    for (const generated of generatedFolders) {
      const [kept, fresh] = await Promise.all([readTree(join(root, generated)), readTree(join(folder, generated))]);
      const names = [...new Set([...kept.keys(), ...fresh.keys()])].sort();
      for (const name of names) if (kept.get(name) !== fresh.get(name)) stale.push(`${generated}/${name}`);
    }
    if (stale.length === 0) return { isGood: true, text: "" };
    return { isGood: false, text: [...stale, "run: npm run generate"].join("\n") };
  });
}

/** The newest version tag, or `undefined` before the first release and outside of a clone. */
function newestTag() {
  try {
    const tags = execFileSync("git", ["tag", "--list", "v*", "--sort=-version:refname"], {
      cwd: root,
      encoding: "utf8",
    });
    return tags.split("\n").find((tag) => tag !== "");
  } catch {
    // An unpacked archive has no history to compare with.
    return undefined;
  }
}

/**
 * @param {string} folder
 * @returns {Promise<Map<string, string>>} contents by path inside the folder
 */
async function readTree(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return new Map(files.map((file, index) => [file.slice(folder.length + 1), contents[index] ?? ""]));
}

/**
 * @template Result
 * @param {(folder: string) => Promise<Result>} work
 * @returns {Promise<Result>}
 */
async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "confab-check-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
