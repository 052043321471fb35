// What people read in a file: all of a document; in program text only the comments and the strings.

/** Program text: everything else is a document and is prose from its first line to its last. */
const programText = /\.(?:ts|tsx|mjs|js|proto|go|java)$/;

/**
 * The pieces of program text that can hold prose, and regular expressions, which hold quotes that open no string. A
 * template inside the `${}` of another is taken for code: its words are not checked, and what follows is read correctly.
 */
const pieces =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`|(?<=(?:[=(,:;!&|?[{}>\n]|\breturn)\s*)\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/g;

/**
 * A file's text with everything blanked that is not prose. It keeps its length and its line ends, so that a place in the
 * result is the same place in the file.
 *
 * @param {string} path decides what kind of text it is
 * @param {string} text
 * @returns {string}
 */
export function proseOf(path, text) {
  if (!programText.test(path)) return text;
  let prose = "";
  let at = 0;
  for (const { 0: piece, index } of text.matchAll(pieces)) {
    prose += blanked(text.slice(at, index));
    prose += isRegularExpression(piece) ? blanked(piece) : piece.replace(/\$\{[^}]*\}/g, blanked);
    at = index + piece.length;
  }
  return prose + blanked(text.slice(at));
}

/** @param {string} piece */
function isRegularExpression(piece) {
  return piece[0] === "/" && piece[1] !== "/" && piece[1] !== "*";
}

/**
 * Not spaces: a phrase must not match across code. White space stays, because a comment goes on after the next line's
 * indentation.
 *
 * @param {string} code
 */
function blanked(code) {
  return code.replace(/\S/g, "\0");
}
