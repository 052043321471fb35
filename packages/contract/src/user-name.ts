// The rule `user_name` of proto/confab/v1/rules.proto once more, for the quick checks and for JSON Schema. A test compares
// it with the contract's own over every code point.

const spaces = String.raw`[ \u{a0}\u{1680}\u{2000}-\u{200a}\u{202f}\u{205f}\u{2800}\u{3000}]`;

const visibleAscii = String.raw`[!-~]|[#*0-9]\u{fe0f}`;

/** Neither forbidden, nor a space, nor a joiner. */
const visibleBeyondAscii = String.raw`[^\u{0}-\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{1680}\u{17b4}\u{17b5}\u{180b}-\u{180f}\u{2000}-\u{200f}\u{2028}-\u{202f}\u{205f}-\u{206f}\u{2800}\u{3000}\u{3164}\u{d800}-\u{dfff}\u{fe00}-\u{fe0f}\u{feff}\u{ffa0}\u{fff0}-\u{ffff}\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]`;

const joiners = String.raw`[\u{180b}-\u{180f}\u{200c}\u{200d}\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]`;

/**
 * A user's name that is not empty, as a regular expression of ECMAScript with the flag `u`: no more than one way to match
 * any text, so that its time grows with the text's length.
 */
export const userNamePattern = `^${spaces}*(?:(?:${visibleAscii}|${visibleBeyondAscii}${joiners}*)${spaces}*)+$`;

const userName = new RegExp(userNamePattern, "u");

/** Most names: ASCII, and more than spaces. */
const plainName = /^ *[!-~][ -~]*$/;

export function isUserName(text: string): boolean {
  return plainName.test(text) || userName.test(text);
}
