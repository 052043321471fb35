// The rule `emoji` of proto/confab/v1/rules.proto once more, for the quick checks. A test compares it with the contract's own.

const shortName = "[A-Za-z0-9_+.:-]+";

const key = String.raw`[#*0-9]\u{fe0f}?\u{20e3}`;

const flag = String.raw`[\u{1f1e6}-\u{1f1ff}]{2}|\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}`;

const pictograph = String.raw`[\xa9\xae\u{203c}\u{2049}\u{2122}\u{2139}\u{2190}-\u{21ff}\u{2300}-\u{23ff}\u{24c2}\u{25a0}-\u{27bf}\u{2900}-\u{297f}\u{2b00}-\u{2bff}\u{3030}\u{303d}\u{3297}\u{3299}\u{1f000}-\u{1f1e5}\u{1f200}-\u{1f3fa}\u{1f400}-\u{1faff}\u{1fc00}-\u{1fffd}](?:\u{fe0f}|[\u{1f3fb}-\u{1f3ff}])?`;

/** A reaction, as a regular expression of ECMAScript with the flag `u`. Its length is checked separately. */
const emojiPattern = new RegExp(`^(?:${shortName}|${key}|${flag}|${pictograph}(?:\\u{200d}${pictograph})*)$`, "u");

export function isEmoji(text: string): boolean {
  return emojiPattern.test(text);
}

/**
 * The part of the rule for validators that know no flag `u`, or are not of ECMAScript: a name; or pictographs, joiners and
 * whatever is beyond the plane of four digits, in any number and order. The server refuses some of these.
 */
export const portableEmoji =
  `^(?:${shortName}|[#*0-9]\\ufe0f?\\u20e3|` +
  String.raw`[^\u0000-\u00a8\u00aa-\u00ad\u00af-\u200c\u200e-\u203b\u203d-\u2048\u204a-\u2121\u2123-\u2138\u213a-\u218f\u2200-\u22ff\u2400-\u24c1\u24c3-\u259f\u27c0-\u28ff\u2980-\u2aff\u2c00-\u302f\u3031-\u303c\u303e-\u3296\u3298\u329a-\ud7ff\ue000-\ufe0e\ufe10-\uffff]+)$`;
