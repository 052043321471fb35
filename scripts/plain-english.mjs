// Plain English: finds phrases of the word list (plain-english-rules.mjs) in comments, strings and documents.
//
// Text that is older than the list has many of them. `scripts/plain-english.txt` counts these for each file, and a count
// may only fall: a file with more is a finding, and so is one with fewer until the counts are lowered:
//
//     node scripts/plain-english.mjs     lowers the counts to what is there; never raises one
//
// When the list gets a new rule, delete plain-english.txt first: without it the command writes all counts.
import { existsSync, readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./files.mjs";
import { rules } from "./plain-english-rules.mjs";
import { proseOf } from "./prose.mjs";

/** @typedef {import("./steps.mjs").StepResult} StepResult */

/**
 * One phrase of the list in one file.
 *
 * @typedef {{ rule: string, phrase: string, instead: string, lineNumber: number }} Finding
 */

/**
 * How often each rule is broken in each file: by path, then by the rule's name.
 *
 * @typedef {Map<string, Map<string, number>>} Counts
 */

const baselinePath = "scripts/plain-english.txt";

const textFile = /\.(?:ts|tsx|mjs|js|proto|go|java|md|html|css|py|sh|ya?ml)$/;

/** What others wrote, what is generated, and these checks, which quote the phrases. */
const skipped =
  /^(?:node_modules|dist|bin|target|\.git|\.venv|confab\.proto|confab_pb2.*)$|^(?:third_party|examples\/go\/confab|proto\/tutorial|packages\/contract\/(?:src\/gen|proto)|packages\/tests\/corpus)$|^scripts\/(?:plain-english|mutants\.mjs)/;

/** @returns {Promise<StepResult>} */
export async function checkPlainEnglish() {
  const lines = compareWithBaseline(await findInRepository(), await readBaseline());
  return { isGood: lines.length === 0, text: lines.join("\n") };
}

/**
 * @param {string} path
 * @param {string} text
 * @returns {Finding[]} in the order of the text
 */
export function findPhrases(path, text) {
  const prose = proseOf(path, text);
  const found = rules.flatMap(({ name, pattern, instead }) =>
    [...prose.matchAll(pattern)].map((match) => ({ rule: name, phrase: match[0], instead, at: match.index })),
  );
  found.sort((a, b) => a.at - b.at);
  return found.map(({ rule, phrase, instead, at }) => ({
    rule,
    phrase: phrase.replace(/\s+(?:(?:\/\/+|\*|#+|>)\s+)?/g, " "),
    instead,
    lineNumber: text.slice(0, at).split("\n").length,
  }));
}

/**
 * @param {ReadonlyMap<string, readonly Finding[]>} found by path
 * @param {Counts} allowed
 * @returns {string[]} a line for each phrase that the baseline does not cover, and one for counts that are too high
 */
export function compareWithBaseline(found, allowed) {
  /** @type {string[]} */
  const lines = [];
  for (const [path, findings] of found) {
    const counts = countOf(findings);
    for (const { rule, phrase, instead, lineNumber } of findings) {
      const [here, old] = [counts.get(rule) ?? 0, allowed.get(path)?.get(rule) ?? 0];
      if (here <= old) continue;
      const which = old === 0 ? "" : ` (one of ${here}; ${old} are older than the list)`;
      lines.push(`${path}:${lineNumber}: "${phrase}"${which}: write ${instead}`);
    }
  }
  const isTooHigh = [...allowed].some(([path, counts]) => {
    const here = countOf(found.get(path) ?? []);
    return [...counts].some(([rule, count]) => count > (here.get(rule) ?? 0));
  });
  if (isTooHigh) lines.push(`${baselinePath} allows more than there is; run: node scripts/plain-english.mjs`);
  return lines;
}

/**
 * The baseline's text: for each file a line with its path and its counts. A merge of two branches keeps both lines of a
 * file (`merge=union` in .gitattributes); then the lower count of each rule holds, and a rule that is in only one of them
 * has none left.
 *
 * @param {string} text
 * @returns {Counts}
 */
export function parseBaseline(text) {
  /** @type {Counts} */
  const counts = new Map();
  for (const line of text.split("\n").filter((each) => each !== "")) {
    const [path = "", ...pairs] = line.split(" ");
    const here = new Map(
      pairs.map((pair) => {
        const [name = "", count] = pair.split("=");
        if (!/^[1-9]\d*$/.test(count ?? "")) throw new Error(`${baselinePath}: cannot read "${line}"`);
        return [name, Number(count)];
      }),
    );
    const before = counts.get(path);
    counts.set(path, before === undefined ? here : lower(before, here));
  }
  return counts;
}

/**
 * @param {Counts} counts
 * @returns {string}
 */
export function formatBaseline(counts) {
  const lines = [...counts].map(([path, here]) => {
    const pairs = [...here].filter(([, count]) => count > 0).map(([name, count]) => `${name}=${count}`);
    return pairs.length === 0 ? "" : `${path} ${pairs.sort().join(" ")}\n`;
  });
  return lines.sort().join("");
}

/**
 * @param {ReadonlyMap<string, number>} one
 * @param {ReadonlyMap<string, number>} other
 */
function lower(one, other) {
  return new Map([...one].map(([name, count]) => [name, Math.min(count, other.get(name) ?? 0)]));
}

/** @param {readonly Finding[]} findings */
function countOf(findings) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { rule } of findings) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return counts;
}

/** @returns {Promise<Map<string, Finding[]>>} */
async function findInRepository() {
  const paths = textFiles("").sort();
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), "utf8")));
  return new Map(paths.map((path, index) => [path, findPhrases(path, texts[index] ?? "")]));
}

/**
 * Found on disk and not asked from git, so that an unpacked archive can be checked too.
 *
 * @param {string} folder from the root; "" is the root
 * @returns {string[]}
 */
function textFiles(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (skipped.test(path) || skipped.test(entry.name)) return [];
    if (entry.isDirectory()) return textFiles(path);
    return entry.isFile() && textFile.test(entry.name) ? [path] : [];
  });
}

/** @returns {Promise<Counts>} */
async function readBaseline() {
  return parseBaseline(await readFile(join(root, baselinePath), "utf8"));
}

async function writeBaseline() {
  const found = new Map([...(await findInRepository())].map(([path, findings]) => [path, countOf(findings)]));
  if (!existsSync(join(root, baselinePath))) {
    await writeFile(join(root, baselinePath), formatBaseline(found));
    return;
  }
  const lowered = [...(await readBaseline())].map(
    /** @returns {[string, Map<string, number>]} */ ([path, counts]) => [
      path,
      lower(counts, found.get(path) ?? new Map()),
    ],
  );
  await writeFile(join(root, baselinePath), formatBaseline(new Map(lowered)));
}

// Last, when everything above is defined: this file is both a command and a module of the check.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await writeBaseline();
