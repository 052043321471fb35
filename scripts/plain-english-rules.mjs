// The word list of `npm run check`: phrases that slow down a reader whose first language is not English.

/**
 * @typedef {object} Rule
 * @property {string} name how the baseline calls it
 * @property {RegExp} pattern a space stands for any white space, also between the lines of a comment
 * @property {string} instead what to write
 */

/**
 * A rule. A space in the pattern also matches a line end with the next comment line's marker.
 *
 * @param {string} name
 * @param {RegExp} pattern
 * @param {string} instead
 * @returns {Rule}
 */
function rule(name, pattern, instead) {
  const source = pattern.source.replaceAll(" ", String.raw`\s+(?:(?:\/\/+|\*|#+|>)\s+)?`);
  return { name, pattern: new RegExp(source, "gi"), instead };
}

/** @type {readonly Rule[]} */
export const rules = [
  rule("whoever", /\bwho(?:so|m)?ever\b/, "name the actor: the caller, a client, the process that …"),
  rule("whom", /\bwhom\b/, "name the actor, or write the sentence with its subject first"),
  rule("nobody", /\b(?:nobody|no one)\b(?!-)/, "name what there is none of: no client, no reader, no process"),
  rule("everybody", /\b(?:every|any|some)body\b/, "name the actor: every client, a reader"),
  rule("of-its-own", /\bof (?:one'?s|its|their|your|our|his|her|my) own\b/, "its own X, a separate X, a dedicated X"),
  rule("is-due", /\b(?:is|are|was|were|be) due\b(?! to\b)/, "is required, is missing, is expected; X must be Y, got Z"),
  rule(
    "that-there-is",
    /\b(?:that|what) there (?:is|are|was|were)(?=[.,;:)`]|\s*$)/m,
    "the existing X, the available X",
  ),
  rule("what-of", /\bwhat of (?:the|it|its|this|that|these|those)\b/, "which of the …"),
  rule(
    "for-nothing",
    /(?<!\b(?:asks?|asked|waits?|counts?|and|stands?) )\bfor nothing\b|\bin vain\b/,
    "without effect, at no cost, is not counted",
  ),
  rule("anew", /\banew\b/, "again; a full X"),
  rule("is-none", /(?<!there )\b(?:is|are|was|were) none\b/, "is not a X, is not valid, is not one"),
  rule(
    "is-no",
    /(?<!there )\b(?:is|are|was|were) no (?!longer|more|less|fewer|better|worse|different|other|further)(?=\w)/,
    "is not a X",
  ),
  rule("held-against", /\b(?:held|holds?) (?:(?:it|them|each|this|that|(?:the|a) \w+) )?against\b/, "compare with"),
  rule("tell-of", /\b(?:tells?|told|telling) of\b/, "report, announce; is notified about"),
  rule("hear", /(?<![/-])\b(?:hears?|heard|hearing)\b(?![/-])/, "receive: one verb for what clients do with messages"),
  rule("makes-good", /\bmakes? (?:this|that|it|them) good\b/, "recover, repair, make up for"),
  rule("lives-at", /\b(?:nothing|something|anything) lives\b/, "there is no …; X is at …"),
  rule("sign-of-life", /\b(?:signs? of life|g(?:ive|ave|iven|iving)s? (?:a|no|its|another) sign)\b/, "heartbeat"),
  rule(
    "takes-for",
    /\btak(?:es?|en|ing) (?:(?:it|one|them|another|(?:the|a) \w+) )?for (?:dead|lost|gone)\b/,
    "considers X dead",
  ),
  rule(
    "nor-is",
    /\bnor (?:is|does|do|are|can|has|have|was|were|did|will|may|must)\b/,
    "subject first: X is not … either",
  ),
  rule("flag-is-of", /--[a-z][a-z-]* is of the\b/, "--flag requires …"),
  rule("kill-reads", /\bkill -[A-Z]+`? (?:reads|makes|ends|asks|tells)\b/, "Send SIG… to …"),
  rule("authorities-by", /\bauthorit(?:y|ies) by\b/, "set X to trust a private CA"),
];
