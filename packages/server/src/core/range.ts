import { ConfabError, formatPosition, type Position } from "@confab/contract";
import type { RoomState } from "./ports.js";
import type { RoomId } from "./room-id.js";

/** OUT_OF_RANGE with what the log does hold. */
export function outOfRange(room: RoomId, { epoch, oldest, newest }: RoomState, why: string): ConfabError {
  const text = `${why}; room ${room} holds offsets ${oldest} to ${newest} of epoch ${epoch}`;
  return new ConfabError("OUT_OF_RANGE", text, { range: { room, epoch, oldest, newest } });
}

/** UNEXPECTED_POSITION with what the log does hold. */
export function unexpectedPosition(
  room: RoomId,
  { epoch, oldest, newest }: Pick<RoomState, "epoch" | "oldest" | "newest">,
  expected: Position,
): ConfabError {
  const text = `room ${room} is at position ${formatPosition({ epoch, offset: newest })}, not at ${formatPosition(expected)}`;
  return new ConfabError("UNEXPECTED_POSITION", text, { range: { room, epoch, oldest, newest } });
}

/**
 * The offset of a position that a reader may go on from: everything after it is in the log.
 *
 * @throws OUT_OF_RANGE: it is of another epoch, past the end, or what follows it was trimmed.
 */
export function resumableOffset(room: RoomId, position: Position, state: RoomState): number {
  const { epoch, offset } = position;
  if (epoch !== state.epoch) throw outOfRange(room, state, `position ${formatPosition(position)} is of another epoch`);
  if (offset > state.newest) throw outOfRange(room, state, `position ${formatPosition(position)} is past the end`);
  if (offset + 1 < state.oldest)
    throw outOfRange(room, state, `messages after position ${formatPosition(position)} were trimmed`);
  return offset;
}
