// `npm test` and `npm run test:all`: run every compiled test whose source still exists, and name at the end what was skipped.
//
//     npm test                      all files but x.all.test.ts: they need only Node, and use small parts where they are there
//     npm run test:all              the files x.all.test.ts: proxies, other languages and browsers, long runs
//     npm test -- websocket resume  the files whose path contains one of the words; also for test:all
//
// CONFAB_REQUIRE=redis,chromium turns the skip for a missing part into a failure (packages/tests/src/optional-parts.ts).
import { randomUUID } from "node:crypto";
import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { root, sourceFiles } from "./files.mjs";
import { guardMarkedProcesses } from "./marked-processes.mjs";

/** The option by which `npm run test:all` asks for the other half of the files. */
const allOption = "--all";
const isAll = process.argv.includes(allOption);

/**
 * How long one test file may take, in milliseconds. On a quiet machine the slowest take half a minute, in `test:all` a few
 * minutes; at a load of 25 some took more than two minutes. The limit only ends what hangs.
 */
const fileTimeoutMs = isAll ? 1_200_000 : 600_000;

/** For two cores. Tests wait now and then, so a third keeps them busy: two at once take 602 s, three 531 s. */
const filesAtOnce = 3;

/** The reason that `requirePart` gives to a skip. */
const missingPartReason = /^missing part: (.+)$/;

/** How many of the slowest files are named at the end. */
const slowestNamed = 10;

const words = process.argv.slice(2).filter((word) => word !== allOption);
const ownTests = readdirSync(join(root, "scripts")).map((name) => `scripts/${name}`);
const sources = [...sourceFiles(), ...ownTests].filter(
  (file) => /\.test\.(?:tsx?|mjs)$/.test(file) && /\.all\.test\./.test(file) === isAll,
);
const wanted = sources.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (wanted.length === 0) {
  console.error(`no test file${words.length > 0 ? ` has ${words.join(" or ")} in its path` : ""}`);
  process.exit(2);
}

// Inherited by the test files and by what they start: source maps for readable stacks, and a mark to find leftovers by.
process.env["NODE_OPTIONS"] = `${process.env["NODE_OPTIONS"] ?? ""} --enable-source-maps`.trim();
const mark = `CONFAB_TEST_RUN=${randomUUID()}`;
process.env["CONFAB_TEST_RUN"] = mark.slice(mark.indexOf("=") + 1);

/** @type {Set<string>} */
const missingParts = new Set();
let otherSkips = 0;
let knownFailures = 0;
/** @type {Set<string>} */
const failedFiles = new Set();

/** What the outermost tests of each file took together, in milliseconds. @type {Map<string, number>} */
const durationsMs = new Map();
const startedAtMs = performance.now();

// The runner's own time limit asks a file to end; one that does not listen, or leaves a program behind that holds its
// output open, would hold up the run for ever.
const endLeftovers = guardMarkedProcesses(mark, fileTimeoutMs + 5_000);
const events = run({ files: wanted.map(compiledFrom), concurrency: filesAtOnce, timeout: fileTimeoutMs });
events.on("test:fail", ({ file, name, todo, nesting, details }) => {
  addDuration(file ?? name, nesting, details.duration_ms);
  // A file that timed out is reported as a test that has the file's name.
  if (todo === undefined || todo === false) failedFiles.add(relative(root, file ?? name));
  else knownFailures += 1;
});
events.on("test:pass", ({ file, skip, nesting, details }) => {
  addDuration(file, nesting, details.duration_ms);
  if (skip === undefined || skip === false) return;
  const part = typeof skip === "string" ? missingPartReason.exec(skip)?.[1] : undefined;
  if (part === undefined) otherSkips += 1;
  else missingParts.add(part);
});
for await (const text of events.compose(new spec())) process.stdout.write(text);

const leftovers = await endLeftovers();
for (const leftover of leftovers) console.error(`left running by a test: ${leftover}`);
for (const file of [...failedFiles].sort()) console.error(`failed: ${file}`);
console.log(timesLine());
console.log(skippedLine());
// Not process.exitCode: a test file that ignored its end by timeout would hold this process open.
process.exit(failedFiles.size > 0 || leftovers.length > 0 ? 1 : 0);

/**
 * @param {string} source
 * @returns {string}
 */
function compiledFrom(source) {
  return join(root, source.replace("/src/", "/dist/").replace(/\.tsx?$/, ".js"));
}

/**
 * @param {string | undefined} file
 * @param {number} nesting
 * @param {number} ms
 */
function addDuration(file, nesting, ms) {
  if (file === undefined || nesting > 0) return;
  const source = relative(root, file).replace("/dist/", "/src/").replace(/\.js$/, ".ts");
  durationsMs.set(source, (durationsMs.get(source) ?? 0) + ms);
}

/** How long the run took, and the files that took longest. */
function timesLine() {
  const slowest = [...durationsMs]
    .sort(([, one], [, other]) => other - one)
    .slice(0, slowestNamed)
    .map(([source, ms]) => `${source} ${(ms / 1000).toFixed(0)} s`);
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(0);
  return `took ${seconds} s; slowest: ${slowest.join(", ")}`;
}

/** The last line: what this machine lacks and how to enable it. */
function skippedLine() {
  const skipped = [...missingParts].sort();
  if (otherSkips > 0) skipped.push(`${otherSkips} tests for reasons of their own (above)`);
  if (knownFailures > 0) skipped.push(`${knownFailures} that fail and are marked as to do (above)`);
  return skipped.length === 0 ? "skipped: nothing" : `skipped: ${skipped.join(", ")}`;
}
