import { ConfabError, formatPosition, type Position, parsePosition } from "@confab/contract";

/** A position that the server sent, in its text form. @throws PROTOCOL_VIOLATION: it sent none. */
export function positionText(position: Position | undefined): string {
  if (!position) throw new ConfabError("PROTOCOL_VIOLATION", "the server left out a position");
  return formatPosition(position);
}

/**
 * A position that the caller gave, for a request.
 *
 * @throws MALFORMED_MESSAGE: it is no position; the server would say the same.
 */
export function wirePosition(field: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (!position) {
    throw new ConfabError("MALFORMED_MESSAGE", `${field}: ${JSON.stringify(text)} is not a position (epoch:offset)`);
  }
  return position;
}
