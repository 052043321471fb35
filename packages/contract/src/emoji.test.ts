import assert from "node:assert/strict";
import { test } from "node:test";
import { create, getOption } from "@bufbuild/protobuf";
import { predefined } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { isEmoji, portableEmoji } from "./emoji.js";
import { PositionSchema, ReactRequestSchema } from "./gen/confab/v1/message_pb.js";
import { emoji } from "./gen/confab/v1/rules_pb.js";
import { interpretedViolations } from "./interpreted-rules.js";
import { forEachSeed } from "./testing/random.js";
import { violationsOf } from "./validation.js";

/** The rules that a reaction breaks, by our own check and by the interpreter of the contract. */
function rulesBroken(text: string): readonly string[] {
  const asked = create(ReactRequestSchema, { user: "ann", position: create(PositionSchema), emoji: text });
  const found = violationsOf(ReactRequestSchema, asked);
  assert.deepEqual(found, interpretedViolations(ReactRequestSchema, asked));
  return found.map(({ rule }) => rule);
}

const england = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";

const taken: readonly (readonly [what: string, text: string])[] = [
  ["a short name", "+1"],
  ["a name between colons", ":party_parrot:"],
  ["a name of 32 characters", "x".repeat(32)],
  ["an emoji", "👍"],
  ["an emoji with a skin tone", "👍🏽"],
  ["an emoji with a variation selector", "❤\ufe0f"],
  ["an emoji without one", "❤"],
  ["a sign of the first plane", "™"],
  ["joined emoji", "👨\u200d👩\u200d👧\u200d👦"],
  ["a kiss with two skin tones", "👩🏻\u200d❤\ufe0f\u200d💋\u200d👨🏿"],
  ["a detective with a skin tone and a sex", "🕵🏽\u200d♂\ufe0f"],
  ["a key", "1\ufe0f\u20e3"],
  ["a flag", "🇩🇪"],
  ["the flag of a region", england],
  ["the rainbow flag", "🏳\ufe0f\u200d🌈"],
];

for (const [what, text] of taken)
  test(`${what} is a reaction`, () => {
    assert.deepEqual(rulesBroken(text), []);
    assert.match(text, new RegExp(portableEmoji));
    assert.match(text, new RegExp(portableEmoji, "u"));
  });

const refused: readonly (readonly [what: string, text: string])[] = [
  ["two emoji", "👍👍"],
  ["an emoji with a word", "👍ok"],
  ["a word beyond ASCII", "très"],
  ["a sentence", "call_me,please!"],
  ["markup", "<b>"],
  ["a zero-width space", "👍\u200b"],
  ["a joiner alone", "\u200d"],
  ["an emoji that ends with a joiner", "👍\u200d"],
  ["a variation selector alone", "\ufe0f"],
  ["two variation selectors", "❤\ufe0f\ufe0f"],
  ["half a flag", "🇩"],
  ["three halves of flags", "🇩🇪🇩"],
  ["hidden text behind a flag", "\u{1f3f4}\u{e0068}\u{e0069}\u{e0064}\u{e0064}\u{e0065}\u{e006e}\u{e0021}\u{e007f}"],
  ["a flag without its end", england.slice(0, -2)],
  ["a direction control", "\u202e+1"],
  ["accents that run over other lines", `a${"\u0301".repeat(20)}`],
  ["a character for private use", "\ue000"],
];

for (const [what, text] of refused)
  test(`${what} is refused as a reaction`, () => assert.deepEqual(rulesBroken(text), ["string.emoji"]));

test("33 characters are refused", () => assert.deepEqual(rulesBroken("x".repeat(33)), ["string.max_len"]));

test("every emoji that this Unicode knows is a reaction, alone and with what it may have", () => {
  const known = /^\p{Extended_Pictographic}$/u;
  const toned = /^\p{Emoji_Modifier_Base}$/u;
  const missing: string[] = [];
  for (let code = 0; code <= 0x1ffff; code++) {
    const text = String.fromCodePoint(code);
    if (!known.test(text)) continue;
    for (const each of [text, `${text}\ufe0f`, ...(toned.test(text) ? [`${text}🏽`] : [])])
      if (!isEmoji(each)) missing.push(code.toString(16));
  }
  assert.deepEqual(missing, []);
});

/** The contract's own expression, which is for RE2, for ECMAScript. */
function contractPattern(): RegExp {
  const rule = getOption(emoji, predefined).cel[0]?.expression ?? "";
  const [, pattern = ""] = /matches\(r'(.*?)'\)/.exec(rule) ?? [];
  return new RegExp(pattern.replace(/\\x\{([0-9a-f]+)\}/g, "\\u{$1}"), "u");
}

test("every code point has the same verdict here and in the contract, alone and beside others", () => {
  const contract = contractPattern();
  const different: string[] = [];
  for (let code = 0; code <= 0xe01ff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    for (const text of [character, `a${character}`, `👍${character}`, `👍\u200d${character}`])
      if (isEmoji(text) !== contract.test(text)) different.push(JSON.stringify(text));
  }
  assert.deepEqual(different, []);
});

test("an emoji is one character on the screen, and both checks and the schema agree about it", () => {
  const contract = contractPattern();
  const segmenter = new Intl.Segmenter("en");
  const pieces = [
    "👍",
    "❤",
    "🏽",
    "🏴",
    "\u{1f1e9}",
    "\u200d",
    "\ufe0f",
    "\u20e3",
    "1",
    "\u{e0067}",
    "\u{e007f}",
  ] as const;
  let reactions = 0;
  forEachSeed(5_000, (random) => {
    const text = Array.from({ length: random.int(1, 6) }, () => random.pick(pieces)).join("");
    const isReaction = isEmoji(text);
    assert.equal(contract.test(text), isReaction, JSON.stringify(text));
    if (!isReaction || /^1+$/.test(text)) return;
    reactions++;
    assert.equal([...segmenter.segment(text)].length, 1, JSON.stringify(text));
    for (const flags of ["", "u"]) assert.match(text, new RegExp(portableEmoji, flags));
  });
  assert.ok(reactions > 100, `${reactions}`);
});
