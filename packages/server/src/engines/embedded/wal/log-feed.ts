import type { Change } from "./batch.js";

/** What is durable and not in the store below. */
export interface HeldLog {
  /** What is being stored; undefined: nothing is. */
  readonly taken: readonly Change[] | undefined;
  /** What came later. */
  readonly newer: readonly Change[];
  /** The number of the last record of it. */
  readonly sequence: number;
}

/** Receives what becomes of a log, in that order. Nothing of it throws. */
export interface LogFeed {
  /** The changes of the record with this number are durable. */
  durable(sequence: number, changes: readonly Change[]): void;
  /** What was durable until now is being stored. */
  taken(): void;
  /** What was taken is stored. */
  stored(): void;
  /** To be called from time to time, about every second. */
  sweep(): void;
  close(): void;
}
