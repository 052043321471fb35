import { ConfabError, formatPosition, parsePosition } from "@confab/contract";

/** Where a message stands to the position before it. */
export type Step = "next" | "duplicate" | "gap";

/**
 * @param leavesOut whether offsets between them may be left out, as those of changes are for a reader of messages only.
 * @throws PROTOCOL_VIOLATION: one of them is no position.
 */
export function stepFrom(position: string, next: string, leavesOut = false): Step {
  const [from, to] = [parsed(position), parsed(next)];
  // Another epoch is another log: what lies between cannot be known.
  if (from.epoch !== to.epoch || (to.offset > from.offset + 1 && !leavesOut)) return "gap";
  return to.offset > from.offset ? "next" : "duplicate";
}

/** The position to read on from so that `offset` of that log comes next. */
export function positionBefore(epoch: number, offset: number): string {
  return formatPosition({ epoch, offset: Math.max(0, offset - 1) });
}

/** The position to read on from so that the message at `position` comes next. */
export function positionOfBefore(position: string): string {
  const { epoch, offset } = parsed(position);
  return positionBefore(epoch, offset);
}

function parsed(text: string) {
  const position = parsePosition(text);
  if (!position) throw new ConfabError("PROTOCOL_VIOLATION", `${JSON.stringify(text)} is not a position`);
  return position;
}
