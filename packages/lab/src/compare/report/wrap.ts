/**
 * Text as lines of at most `width` characters, broken between words. `first` begins the first line, and the others stand
 * below what follows it. A word that is longer has a line to itself.
 */
export function wrapped(text: string, width: number, first = ""): readonly string[] {
  const indent = " ".repeat(first.length);
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
