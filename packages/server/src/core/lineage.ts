import type { Position } from "@confab/contract";

/** An earlier epoch of a room: its positions up to `top` stand for the messages at the same offsets of the log now. */
export interface EarlierEpoch {
  readonly epoch: number;
  readonly top: number;
}

/** What a room is called now, and what it was called before. */
export interface Lineage {
  readonly epoch: number;
  /** The oldest first, at most `maxEarlierEpochs`; undefined: none. */
  readonly lineage?: readonly EarlierEpoch[] | undefined;
}

/** Earlier epochs that a room remembers: it has one more for each time that a backup was put back. */
export const maxEarlierEpochs = 8;

/** The newest of them, as many as a room remembers. */
export function boundedLineage(lineage: readonly EarlierEpoch[]): readonly EarlierEpoch[] {
  return lineage.slice(-maxEarlierEpochs);
}

/** The offset at which the log has the message of a position now; undefined: it is of another log, or of a part that is lost. */
export function offsetHere({ epoch, offset }: Position, room: Lineage): number | undefined {
  if (epoch === room.epoch) return offset;
  const earlier = room.lineage?.find((each) => each.epoch === epoch);
  return earlier && offset <= earlier.top ? offset : undefined;
}
