// Finds code that was copied: runs of equal lines in two places. `scripts/duplicates.json` lists the copies that are meant.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root, sourceFiles } from "./files.mjs";

/** @typedef {import("./steps.mjs").StepResult} StepResult */

/** Shorter runs are idiom (a guard, a loop's head); from here on it is an idea that wants one home. */
const minEqualLines = 8;

/**
 * One line of a file that counts: its text without indentation, and where it stands.
 *
 * @typedef {{ text: string, file: string, lineNumber: number }} CodeLine
 */

/**
 * Two places with equal code: the first line of each, and how many lines that count they share.
 *
 * @typedef {{ first: CodeLine, second: CodeLine, equalLines: number }} Duplicate
 */

/**
 * Compares all source files but the tests, their helpers and the generated code.
 *
 * @returns {Promise<StepResult>}
 */
export async function checkDuplicates() {
  const paths = sourceFiles().filter(
    (path) => !/\.test\.tsx?$|\/testing\/|^packages\/(tests|contract\/src\/gen)\//.test(path),
  );
  const files = await Promise.all(paths.map(async (path) => codeLines(path, await readFile(join(root, path), "utf8"))));
  const allowed = await readAllowed();
  const found = findDuplicates(files).map((duplicate) => ({ duplicate, pair: pairOf(duplicate) }));
  const unused = [...allowed].filter((pair) => !found.some((entry) => entry.pair === pair));
  const lines = found.filter(({ pair }) => !allowed.has(pair)).map(({ duplicate }) => describe(duplicate));
  lines.push(...unused.map((pair) => `scripts/duplicates.json allows what is not there any more: ${pair}`));
  return { isGood: lines.length === 0, text: lines.join("\n") };
}

/**
 * Runs of at least `minEqualLines` equal lines, each reported once and at its full length.
 *
 * @param {readonly (readonly CodeLine[])[]} files
 * @returns {Duplicate[]}
 */
export function findDuplicates(files) {
  /** Every place where a window of `minEqualLines` lines starts, by the window's text. @type {Map<string, [number, number][]>} */
  const windows = new Map();
  /** Pairs of places inside a run that is already reported. @type {Set<string>} */
  const covered = new Set();
  /** @type {Duplicate[]} */
  const duplicates = [];
  for (const [fileIndex, lines] of files.entries()) {
    for (let start = 0; start + minEqualLines <= lines.length; start += 1) {
      const key = lines
        .slice(start, start + minEqualLines)
        .map((line) => line.text)
        .join("\n");
      const earlier = windows.get(key) ?? [];
      for (const [otherIndex, otherStart] of earlier) {
        const other = files[otherIndex] ?? [];
        // Overlapping windows of one file are a repeated line pattern, such as a table, not a copy.
        if (otherIndex === fileIndex && otherStart + minEqualLines > start) continue;
        if (covered.has(`${otherIndex}:${otherStart}:${fileIndex}:${start}`)) continue;
        let equalLines = minEqualLines;
        while (other[otherStart + equalLines]?.text === (lines[start + equalLines]?.text ?? "")) equalLines += 1;
        for (let step = 0; step < equalLines; step += 1) {
          covered.add(`${otherIndex}:${otherStart + step}:${fileIndex}:${start + step}`);
        }
        const [first, second] = [other[otherStart], lines[start]];
        if (first !== undefined && second !== undefined) duplicates.push({ first, second, equalLines });
      }
      windows.set(key, [...earlier, [fileIndex, start]]);
    }
  }
  return duplicates;
}

/**
 * The lines of a file that count: no blank lines, comments, imports or lonely brackets.
 *
 * @param {string} file
 * @param {string} text
 * @returns {CodeLine[]}
 */
export function codeLines(file, text) {
  const withoutImports = text.replace(/^(?:import|export)\s[^;"]*?from\s+"[^"]*";$/gm, (match) =>
    match.replace(/[^\n]/g, ""),
  );
  const lines = withoutImports.split("\n").map((line, index) => ({ text: line.trim(), file, lineNumber: index + 1 }));
  return lines.filter(({ text }) => /\w/.test(text) && !/^(?:\/\/|\/\*|\*)/.test(text));
}

/** @param {Duplicate} duplicate */
function describe({ first, second, equalLines }) {
  return `${first.file}:${first.lineNumber} and ${second.file}:${second.lineNumber} share ${equalLines} lines`;
}

/** @param {Duplicate} duplicate */
function pairOf({ first, second }) {
  return [first.file, second.file].sort().join(" ");
}

/** @returns {Promise<Set<string>>} pairs of files, in the form of `pairOf` */
async function readAllowed() {
  const list = JSON.parse(await readFile(join(root, "scripts/duplicates.json"), "utf8"));
  return new Set(
    list.map((/** @type {{ files: string[], reason: string }} */ { files, reason }) => {
      if (typeof reason !== "string" || reason === "")
        throw new Error(`scripts/duplicates.json: ${files} has no reason`);
      return [...files].sort().join(" ");
    }),
  );
}
