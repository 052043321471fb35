import { ConfabError, formatPosition, type Position } from "@confab/contract";
import { offsetHere } from "./lineage.js";
import type { RoomState } from "./ports.js";
import type { RoomId } from "./room-id.js";

/** OUT_OF_RANGE with what the log does hold. */
export function outOfRange(room: RoomId, { epoch, oldest, newest }: RoomState, why: string): ConfabError {
  const held =
    newest < oldest
      ? `nothing, and is at offset ${newest} of epoch ${epoch}`
      : `offsets ${oldest} to ${newest} of epoch ${epoch}`;
  return new ConfabError("OUT_OF_RANGE", `${why}; room ${room} holds ${held}`, {
    range: { room, epoch, oldest, newest },
  });
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
 * @throws OUT_OF_RANGE: it is of another epoch, or of a part of an earlier one that is lost, past the end, or what follows it
 * was trimmed.
 */
export function resumableOffset(room: RoomId, position: Position, state: RoomState): number {
  const offset = pastOffset(room, position, state);
  if (offset + 1 < state.oldest)
    throw outOfRange(room, state, `messages after position ${formatPosition(position)} were trimmed`);
  return offset;
}

/**
 * The offset of a position that the room has come to, whether its entries are still in the log or not.
 *
 * @throws OUT_OF_RANGE: it is of another epoch, or of a part of an earlier one that is lost, or past the end.
 */
export function pastOffset(room: RoomId, position: Position, state: RoomState): number {
  const offset = offsetHere(position, state);
  if (offset === undefined)
    throw outOfRange(room, state, `position ${formatPosition(position)} is ${strange(position, state)}`);
  if (offset > state.newest) throw outOfRange(room, state, `position ${formatPosition(position)} is past the end`);
  return offset;
}

function strange({ epoch }: Position, { lineage = [] }: RoomState): string {
  return lineage.some((earlier) => earlier.epoch === epoch) ? "of messages that are lost" : "of another epoch or room";
}

/**
 * The offset of a position that a page ends before. Of an earlier epoch it may be one past what is kept: what comes before
 * it counts.
 *
 * @throws OUT_OF_RANGE: that is not in the log.
 */
export function pageEnd(room: RoomId, before: Position, state: RoomState): number {
  const last = offsetHere({ ...before, offset: before.offset - 1 }, state);
  if (last === undefined || last > state.newest || last + 1 < state.oldest)
    throw outOfRange(room, state, "the page's end is not in the log");
  return last + 1;
}

/**
 * Why a reading ends whose log was replaced underneath: the room has another epoch now. A reader whose position still
 * stands for the same message subscribes again and misses nothing; the others are told OUT_OF_RANGE.
 */
export function replacedUnder(room: RoomId, position: Position, state: RoomState): ConfabError {
  const why = "the log was replaced";
  const offset = offsetHere(position, state);
  if (offset === undefined || offset > state.newest || offset + 1 < state.oldest) return outOfRange(room, state, why);
  const text = `${why} by an earlier state of it; subscribe to room ${room} again after position ${formatPosition(position)}`;
  return new ConfabError("ENGINE_UNAVAILABLE", text);
}
