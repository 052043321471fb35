import type { RowResult } from "./bench-case.js";
import type { FigureName } from "./figures.js";

/** A row's figure in each round that has it. */
export function valuesOf({ rounds }: RowResult, name: FigureName): readonly number[] {
  return rounds.map((figures) => figures[name]).filter((value) => value !== undefined);
}

/**
 * A row's figure over another row's in each round that has both. Round by round and not median over median: what
 * slowed the machine for one round slowed both, and goes out of the ratio.
 */
export function ratiosTo(base: RowResult, row: RowResult, name: FigureName): readonly number[] {
  return row.rounds.flatMap((figures, round) => {
    const value = figures[name];
    const divisor = base.rounds[round]?.[name];
    return value === undefined || divisor === undefined || divisor <= 0 ? [] : [value / divisor];
  });
}
