import assert from "node:assert/strict";
import { test } from "node:test";
import { create, getOption } from "@bufbuild/protobuf";
import { predefined } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { UserSchema } from "./gen/confab/v1/message_pb.js";
import { user_name } from "./gen/confab/v1/rules_pb.js";
import { forEachSeed } from "./testing/random.js";
import { isUserName } from "./user-name.js";
import { violationsOf } from "./validation.js";

const ordinary: readonly (readonly [what: string, name: string])[] = [
  ["ASCII", "ann"],
  ["signs", "ann@example.com (home) #1 {x}"],
  ["a space within", "Ann Lee"],
  ["an accent as its own code point", "Jose\u0301"],
  ["Vietnamese", "Nguyễn Thị Ánh"],
  ["Greek, Cyrillic and Hebrew", "Ελένη Юлия שרה"],
  ["Arabic", "عبد الرحمن"],
  ["Persian with a non-joiner within a word", "علی\u200cرضا"],
  ["Hindi with a joiner after a virama", "शर्\u200dमा"],
  ["Malayalam that ends with a joiner", "രാജന്\u200d"],
  ["Sinhala", "ක්\u200dෂේමා"],
  ["Bengali, Tamil, Thai and Khmer", "অনিক தமிழ் สมชาย សុខា"],
  ["Mongolian with a variation selector", "ᠮᠣᠩᠭᠣᠯ\u180b"],
  ["Chinese, Japanese and Korean", "李小龍 山田太郎 김민준"],
  ["a Japanese ideograph with a variation selector", "葛\u{e0100}城"],
  ["an ideographic space", "山田\u3000太郎"],
  ["an emoji", "🙂"],
  ["an emoji with a variation selector", "❤\ufe0f"],
  ["emoji joined by ZWJ", "👩\u200d💻 👨\u200d👩\u200d👧"],
  ["an emoji with a skin tone", "👋🏽"],
  ["a key as an emoji", "1\ufe0f\u20e3"],
  ["a flag", "🇩🇪"],
  ["a character for private use", "\ue000"],
];

for (const [what, name] of ordinary) {
  test(`a name with ${what} is valid`, () => {
    assert.ok(isUserName(name));
    assert.deepEqual(violationsOf(UserSchema, create(UserSchema, { name })), []);
  });
}

const refused: readonly (readonly [what: string, name: string])[] = [
  ["a space", " "],
  ["spaces of other widths", "\u00a0\u2003\u3000\u2800"],
  ["a zero-width space", "\u200b"],
  ["a zero-width space within", "an\u200bn"],
  ["a joiner", "\u200d"],
  ["a joiner at the start", "\u200cann"],
  ["a joiner after an ASCII letter", "ann\u200d"],
  ["a joiner after a space", "a \u200db"],
  ["a variation selector", "\ufe0f"],
  ["a variation selector after an ASCII letter", "ann\ufe0f"],
  ["a byte order mark", "\ufeffann"],
  ["a word joiner", "a\u2060b"],
  ["a soft hyphen", "a\u00adb"],
  ["a combining grapheme joiner", "a\u034fb"],
  ["a Hangul filler", "\u3164"],
  ["a halfwidth Hangul filler", "\uffa0"],
  ["a left-to-right mark", "ann\u200e"],
  ["an Arabic letter mark", "ann\u061c"],
  ["a bidi override", "nna\u202e"],
  ["a bidi embedding", "a\u202ab"],
  ["a bidi isolate", "a\u2066b"],
  ["a line feed", "a\nb"],
  ["a NUL", "\0"],
  ["a DEL", "a\x7f"],
  ["a C1 control character", "a\u0085"],
  ["a line separator", "a\u2028b"],
  ["a tag", "a\u{e0041}"],
  ["the replacement character", "a\ufffd"],
];

for (const [what, name] of refused) {
  test(`a name with ${what} is not valid`, () => {
    assert.ok(!isUserName(name));
    const rules = violationsOf(UserSchema, create(UserSchema, { name })).map(({ field, rule }) => [field, rule]);
    assert.deepEqual(rules, [["name", "string.user_name"]]);
  });
}

// The contract sees none: neither UTF-8 nor our JSON reader lets one in.
test("a name with half a surrogate pair is not valid", () => assert.ok(!isUserName("a\ud83d")));

/** The contract's own expressions, which stand in its rule for RE2, for ECMAScript. */
function contractPatterns(): readonly [whole: RegExp, visible: RegExp] {
  const rule = getOption(user_name, predefined).cel[0]?.expression ?? "";
  const [whole, visible] = [...rule.matchAll(/matches\(r'(.*?)'\)/g)].map(
    ([, pattern = ""]) => new RegExp(pattern.replace(/\\x\{([0-9a-f]+)\}/g, "\\u{$1}"), "u"),
  );
  assert.ok(whole && visible);
  return [whole, visible];
}

/** Every code point of the planes that have characters with a special verdict, and the edges of the other planes. */
function* codePoints(): Generator<number> {
  for (let code = 0; code <= 0x10ffff; code++) {
    // Half pairs are in no UTF-8, so the contract never sees one.
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const plane = code >> 16;
    const isEdge = (code & 0xffff) < 0x10 || (code & 0xffff) > 0xfff0;
    if (plane < 2 || (plane === 14 && (code & 0xffff) <= 0x1000) || isEdge) yield code;
  }
}

test("every code point has the same verdict here and in the contract, alone and after other characters", () => {
  const [whole, visible] = contractPatterns();
  const different: string[] = [];
  for (const code of codePoints()) {
    const character = String.fromCodePoint(code);
    for (const name of [character, `a${character}`, `1${character}`, `\u00e9${character}`, `\u00e9 ${character}b`]) {
      if (isUserName(name) !== (whole.test(name) && visible.test(name))) different.push(JSON.stringify(name));
    }
  }
  assert.deepEqual(different, []);
});

test("random names of the characters that matter have the same verdict from both checks", () => {
  const pieces = [
    " ",
    "a",
    "1",
    "#",
    "\u00e9",
    "\u0646",
    "\u200c",
    "\ufe0f",
    "\u3000",
    "👩",
    "\u{e0100}",
    "\u200b",
  ] as const;
  const counts = { valid: 0, refused: 0 };
  forEachSeed(2_000, (random) => {
    const name = Array.from({ length: random.int(1, 6) }, () => random.pick(pieces)).join("");
    const isValid = isUserName(name);
    assert.equal(violationsOf(UserSchema, create(UserSchema, { name })).length === 0, isValid, JSON.stringify(name));
    if (isValid) counts.valid++;
    else counts.refused++;
  });
  assert.ok(counts.valid > 200 && counts.refused > 200, JSON.stringify(counts));
});
