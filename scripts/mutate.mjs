// `npm run mutate`: puts one small mistake at a time into a copy of the sources, and runs all tests of its package until
// one fails. A mutant that no test kills is a missing test. It takes an hour and more, so it is not part of CI.
//
//     npm run mutate                        all mutants (scripts/mutants.mjs)
//     npm run mutate -- release "M flush"   areas, or mutants whose name contains the words
//     npm run mutate -- --list              names only
//
// Exit code: 0 when all were killed, 1 when one survived, 2 for a wrong argument.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { root } from "./files.mjs";
import { mutants } from "./mutants.mjs";

/** @typedef {import("./mutants.mjs").Mutant} Mutant */

/** How long one test file may take, in milliseconds. A mutant that makes a file hang is killed, too. */
const fileTimeoutMs = 180_000;

/** Test files that run at a time. */
const filesAtOnce = 2;

const words = process.argv.slice(2);
const chosen = Object.entries(mutants).flatMap(([area, list]) =>
  list
    .filter(({ name }) => {
      const asked = words.filter((word) => word !== "--list");
      return asked.length === 0 || asked.includes(area) || asked.some((word) => name.includes(word));
    })
    .map((mutant) => ({ area, ...mutant })),
);
if (chosen.length === 0) {
  console.error(`no mutant has ${words.join(" or ")} in its name; areas are ${Object.keys(mutants).join(", ")}`);
  process.exit(2);
}
if (words.includes("--list")) {
  for (const { area, name, file } of chosen) console.log(`${area.padEnd(11)} ${name}  (${file})`);
  process.exit(0);
}

const copy = mkdtempSync(join(tmpdir(), "confab-mutants-"));
/** @type {import("node:child_process").ChildProcess | undefined} */
let running;
process.once("exit", () => {
  stopRunning();
  rmSync(copy, { recursive: true, force: true });
});
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => process.exit(130));
copySources();
if (!build()) {
  console.error("the copy does not build: run npm run build here first");
  process.exit(2);
}

/** @type {string[]} */
const survivors = [];
for (const [index, mutant] of chosen.entries()) {
  const startedAtMs = performance.now();
  const outcome = await tryMutant(mutant);
  if (outcome.isSurvivor) survivors.push(`${mutant.area}: ${mutant.name}`);
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
  const place = `${index + 1}/${chosen.length}`.padStart(7);
  console.log(
    `${place} ${outcome.isSurvivor ? "SURVIVED" : "killed  "} ${mutant.area}: ${mutant.name} (${seconds} s; ${outcome.why})`,
  );
}
for (const survivor of survivors) console.log(`survived: ${survivor}`);
console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants killed`);
process.exit(survivors.length === 0 ? 0 : 1);

/** The repository's files, built, with links to the installed packages. */
function copySources() {
  const skipped = new Set(["node_modules", ".git", "tools"]);
  cpSync(root, copy, {
    recursive: true,
    filter: (path) =>
      !relative(root, path)
        .split("/")
        .some((step) => skipped.has(step)),
  });
  mkdirSync(join(copy, "node_modules/@confab"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@confab") symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
  }
  for (const name of readdirSync(join(copy, "packages"))) {
    symlinkSync(join(copy, "packages", name), join(copy, "node_modules/@confab", name));
    const own = join(root, "packages", name, "node_modules");
    if (existsSync(own)) symlinkSync(own, join(copy, "packages", name, "node_modules"));
  }
}

function build() {
  return spawnSync(join(root, "node_modules/.bin/tsc"), ["-b"], { cwd: copy, stdio: "ignore" }).status === 0;
}

/**
 * @param {Mutant} mutant
 * @returns {Promise<{ isSurvivor: boolean, why: string }>}
 */
async function tryMutant({ file, find, replace, also = [] }) {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    // A mutant that the compiler refuses needs no test.
    if (!build()) return { isSurvivor: false, why: "does not compile" };
    const [, packageFolder = ""] = /^(packages\/[^/]+)\//.exec(file) ?? [];
    const inPackage = testFiles(packageFolder);
    const elsewhere = testFiles("packages/tests").filter((test) => also.some((word) => test.includes(word)));
    // The nearest tests first: they are the likeliest to notice, and the first failure ends it.
    const folder = file.slice(0, file.lastIndexOf("/")).replace("/src", "/dist");
    const near = inPackage.filter((test) => test.startsWith(folder));
    const far = inPackage.filter((test) => !near.includes(test));
    for (const files of [near, far, elsewhere]) {
      const why = files.length === 0 ? undefined : await firstFailure(files);
      if (why !== undefined) return { isSurvivor: false, why };
    }
    return { isSurvivor: true, why: `${inPackage.length + elsewhere.length} test files pass` };
  } finally {
    writeFileSync(path, source);
  }
}

/**
 * @param {string} folder from the root
 * @returns {string[]} compiled test files from the root, without those of `npm run test:all`
 */
function testFiles(folder) {
  const names = readdirSync(join(copy, folder, "dist"), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".test.js") && !name.endsWith(".all.test.js"))
    .filter((name) => existsSync(join(copy, folder, "src", name.replace(/\.js$/, ".ts"))))
    .map((name) => `${folder}/dist/${name}`)
    .sort();
}

/**
 * Run test files until one fails.
 *
 * @param {readonly string[]} files
 * @returns {Promise<string | undefined>} the first test that fails
 */
async function firstFailure(files) {
  const options = [
    "--test",
    "--test-reporter=tap",
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${fileTimeoutMs}`,
  ];
  // A separate group, so that what the tests have started can be stopped with them.
  const runner = spawn(process.execPath, [...options, ...files], {
    cwd: copy,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  running = runner;
  const ended = once(runner, "exit");
  try {
    for await (const line of createInterface(runner.stdout)) {
      const failed = /^\s*not ok \d+ - (.*)$/.exec(line)?.[1];
      if (failed !== undefined) return failed;
    }
    const [status] = await ended;
    return status === 0 ? undefined : "a test file failed";
  } finally {
    stopRunning();
  }
}

/** Stop the tests that run, and what they have started. */
function stopRunning() {
  try {
    if (running?.pid) process.kill(-running.pid, "SIGKILL");
  } catch (error) {
    // The group is gone already.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
  running = undefined;
}
