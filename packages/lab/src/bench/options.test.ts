import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, scenarioNames, targetNames, usage } from "./options.js";

test("without options everything runs for three rounds", () => {
  assert.deepEqual(parseOptions([]), {
    kind: "run",
    options: {
      isQuick: false,
      jsonFile: undefined,
      markdownFile: undefined,
      updateFile: undefined,
      compareFile: undefined,
      only: scenarioNames,
      targets: targetNames,
      rounds: 3,
      before: "0df82f7",
    },
  });
});

test("--quick is one round unless --rounds says otherwise", () => {
  assert.equal(roundsOf(["--quick"]), 1);
  assert.equal(roundsOf(["--quick", "--rounds", "5"]), 5);
});

test("--only and --targets choose, in the bench's own order", () => {
  const parsed = parseOptions(["--only", "memory,fanout-ws", "--targets=confab, floor", "--json", "out.json"]);
  assert.equal(parsed.kind, "run");
  if (parsed.kind !== "run") return;
  assert.deepEqual(parsed.options.only, ["fanout-ws", "memory"]);
  assert.deepEqual(parsed.options.targets, ["floor", "confab"]);
  assert.equal(parsed.options.jsonFile, "out.json");
});

test("a wrong option is answered with a reason that names it", () => {
  const wrong: [readonly string[], RegExp][] = [
    [["--fast"], /--fast/],
    [["extra"], /extra/],
    [["--only", "fanout"], /--only does not know 'fanout'/],
    [["--only", ""], /--only/],
    [["--targets", "nginx"], /--targets does not know 'nginx'/],
    [["--rounds", "0"], /--rounds is '0'/],
    [["--rounds", "two"], /--rounds is 'two'/],
    [["--json"], /--json/],
  ];
  for (const [argv, reason] of wrong) {
    const parsed = parseOptions(argv);
    assert.equal(parsed.kind, "wrong", argv.join(" "));
    if (parsed.kind === "wrong") assert.match(parsed.reason, reason);
  }
});

test("the usage names every option, scenario and target", () => {
  assert.equal(parseOptions(["--help"]).kind, "help");
  for (const word of [
    "--quick",
    "--rounds",
    "--only",
    "--targets",
    "--json",
    "--markdown",
    ...scenarioNames,
    ...targetNames,
  ]) {
    assert.ok(usage("npm run bench --").includes(word), word);
  }
});

function roundsOf(argv: readonly string[]): number | undefined {
  const parsed = parseOptions(argv);
  return parsed.kind === "run" ? parsed.options.rounds : undefined;
}

test("--before takes a commit and nothing else", () => {
  const parsed = parseOptions(["--before", "0123abc"]);
  assert.ok(parsed.kind === "run");
  assert.equal(parsed.options.before, "0123abc");
  for (const text of ["main", "--help", "0df82", "../0df82f7"]) {
    assert.deepEqual(parseOptions([`--before=${text}`]).kind, "wrong", text);
  }
});
