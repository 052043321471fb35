import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { compareWithBaseline, findPhrases, formatBaseline, parseBaseline } from "./plain-english.mjs";
import { rules } from "./plain-english-rules.mjs";

/**
 * @param {string} path
 * @param {string} text
 */
function found(path, text) {
  return findPhrases(path, text).map(({ phrase, lineNumber }) => `${lineNumber}: ${phrase}`);
}

/** For each rule a text that it finds, and one that looks like it and is plain. @type {Record<string, [string, string]>} */
const examples = {
  whoever: ["whoever reads it", "the process that reads it"],
  whom: ["to whom nothing is sent", "clients that receive nothing"],
  nobody: ["nobody acknowledges it; no one waits", "no client acknowledges it; a no one-way street"],
  everybody: ["everybody is told", "every client is told"],
  "of-its-own": ["a user of its own", "its own user"],
  "is-due": ["a ROOM is due", "the delay is due to the network"],
  "that-there-is": ["the subscription that there is, and", "it says that there is no room"],
  "what-of": ["what of the claims holds", "what most of the claims say"],
  "for-nothing": ["signals come for nothing", "a frame that asks for nothing"],
  anew: ["begins anew", "a new epoch"],
  "is-none": ["the type is none that it knows", "there is none"],
  "is-no": ["the value is no integer", "there is no room; it is no longer open"],
  "held-against": ["hold it against the goal", "held open against a timeout"],
  "tell-of": ["readers are told of it", "readers are told when it ends"],
  hear: ["a client hears the message", "sdk/hearing.test.ts"],
  "makes-good": ["Presence makes that good", "makes good use of it"],
  "lives-at": ["nothing lives at /", "the page lives at /"],
  "sign-of-life": ["no sign of life for 12 s", "no heartbeat for 12 s"],
  "takes-for": ["a node taken for dead", "taken for granted"],
  "nor-is": ["Nor is it stored", "neither is ready"],
  "flag-is-of": ["--redis-prefix is of the Redis engine", "--redis-prefix requires --engine"],
  "kill-reads": ["`kill -HUP` reads the certificate again", "kill -HUP 1234"],
  "authorities-by": ["authorities by `NODE_EXTRA_CA_CERTS`", "the authorities of the system"],
};

test("each rule of the list has an example", () => {
  assert.deepEqual(Object.keys(examples).sort(), rules.map(({ name }) => name).sort());
});

for (const { name } of rules) {
  const [bad = "", plain = ""] = examples[name] ?? [];
  test(`${name}: "${bad}" is found, and "${plain}" is not`, () => {
    assert.ok(findPhrases("a.md", bad).some(({ rule }) => rule === name));
    assert.deepEqual(found("a.md", plain), []);
  });
}

describe("in program text", () => {
  it("comments, strings and templates are read, names are not", () => {
    const text = [
      "const heard = [nobody]; // nobody",
      "/** whoever */",
      'throw new Error("a ROOM is due");',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program
      "print(`${heard} begins anew`);",
      "for (const entry of heard) nobody(entry);",
    ].join("\n");
    assert.deepEqual(found("a.ts", text), ["1: nobody", "2: whoever", "3: is due", "4: anew"]);
  });

  it("a phrase is found across the lines of a comment, and not from one string to the next", () => {
    assert.deepEqual(found("a.ts", "  // it is\n  // due\n/**\n * what\n * of the\n */"), [
      "1: is due",
      "4: what of the",
    ]);
    assert.deepEqual(found("a.proto", "  // said of its\n  // own"), ["1: of its own"]);
    assert.deepEqual(found("a.ts", 'print("it is", "due");'), []);
  });

  it("quotes in a regular expression or in a comment begin no string", () => {
    assert.deepEqual(found("a.ts", "const quote = /[\"'`]/;\nconst heard = 1; // anew"), ["2: anew"]);
    assert.deepEqual(found("a.ts", "// don't\nconst heard = 1;"), []);
    assert.deepEqual(found("a.ts", "text.replace(/`/g, '`');\nconst heard = `anew`;"), ["2: anew"]);
  });
});

describe("the baseline", () => {
  const text = "nobody\nplain\nnobody anew";
  const findings = new Map([["a.md", findPhrases("a.md", text)]]);

  it("covers as many phrases of a rule in a file as it says", () => {
    assert.deepEqual(compareWithBaseline(findings, parseBaseline("a.md anew=1 nobody=2\n")), []);
  });

  it("makes each place of a rule a finding when there is one more, with file, line, phrase and advice", () => {
    const lines = compareWithBaseline(findings, parseBaseline("a.md nobody=1\n"));
    assert.deepEqual(
      lines.map((line) => line.replace(/write .*/, "write …")),
      [
        'a.md:1: "nobody" (one of 2; 1 are older than the list): write …',
        'a.md:3: "nobody" (one of 2; 1 are older than the list): write …',
        'a.md:3: "anew": write …',
      ],
    );
    assert.match(lines.at(-1) ?? "", /write again; a full X$/);
  });

  it("must be lowered with its file: one phrase fewer, and a file that is gone", () => {
    const stale = ["scripts/plain-english.txt allows more than there is; run: node scripts/plain-english.mjs"];
    assert.deepEqual(compareWithBaseline(findings, parseBaseline("a.md anew=1 nobody=3\n")), stale);
    assert.deepEqual(compareWithBaseline(new Map(), parseBaseline("a.md anew=1\n")), stale);
  });

  it("takes the lower counts where a merge has kept two lines of a file", () => {
    const counts = parseBaseline("a.md anew=1 nobody=2\na.md nobody=3\nb.md hear=1\n");
    assert.equal(formatBaseline(counts), "a.md nobody=2\nb.md hear=1\n");
  });

  it("is refused when a line cannot be read", () => {
    assert.throws(() => parseBaseline("a.md nobody\n"), /cannot read "a.md nobody"/);
  });
});
