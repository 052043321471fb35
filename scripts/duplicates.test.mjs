import assert from "node:assert/strict";
import { test } from "node:test";
import { codeLines, findDuplicates } from "./duplicates.mjs";

/**
 * @param {number} count
 * @param {string} word
 */
function statements(count, word) {
  return Array.from({ length: count }, (_, index) => `  ${word}(${index});`).join("\n");
}

/** @param {Record<string, string>} texts */
function duplicatesIn(texts) {
  const found = findDuplicates(Object.entries(texts).map(([file, text]) => codeLines(file, text)));
  return found.map(({ first, second, equalLines }) => [
    `${first.file}:${first.lineNumber}`,
    `${second.file}:${second.lineNumber}`,
    equalLines,
  ]);
}

test("eight equal lines in two files are a duplicate, at whatever indentation and with other comments", () => {
  const first = `import { a } from "a";\n${statements(8, "call")}\n`;
  const second = `start();\n// another comment\n\n${statements(8, "call").replaceAll("  ", "\t\t")}\nend();\n`;
  assert.deepEqual(duplicatesIn({ "a.ts": first, "b.ts": second }), [["a.ts:2", "b.ts:4", 8]]);
});

test("seven equal lines are none, and neither are eight of which one is a lonely bracket", () => {
  assert.deepEqual(duplicatesIn({ "a.ts": statements(7, "call"), "b.ts": statements(7, "call") }), []);
  const bracketed = `${statements(7, "call")}\n}\n`;
  assert.deepEqual(duplicatesIn({ "a.ts": bracketed, "b.ts": bracketed }), []);
});

test("a long copy is reported once, at its full length, up to the end of the file", () => {
  assert.deepEqual(duplicatesIn({ "a.ts": statements(30, "call"), "b.ts": `start();\n${statements(30, "call")}` }), [
    ["a.ts:1", "b.ts:2", 30],
  ]);
});

test("a copy inside one file is found, a table of equal rows is none", () => {
  const copied = `${statements(9, "call")}\nbetween();\n${statements(9, "call")}`;
  assert.deepEqual(duplicatesIn({ "a.ts": copied }), [["a.ts:1", "a.ts:11", 9]]);
  assert.deepEqual(duplicatesIn({ "a.ts": "row();\n".repeat(12) }), []);
});

test("imports of several lines are no duplicate", () => {
  const imports = `import {\n${statements(9, "name").replaceAll(/\(\d+\);/g, ",")}\n} from "a";\n`;
  assert.deepEqual(duplicatesIn({ "a.ts": imports, "b.ts": imports }), []);
});
