/**
 * The order in which a round visits the items. Rounds begin with another item each, and go through them in other steps, so
 * that nobody is always first or always behind the same one: with five items, four rounds put everybody behind everybody.
 *
 * `round` counts from 0.
 */
export function turnOrder<Item>(items: readonly Item[], round: number): readonly Item[] {
  const count = items.length;
  if (count < 2) return items;
  // Steps that share a divisor with the count would come back to the beginning before everybody had a turn.
  const steps = items.map((_, index) => index).filter((step) => step > 0 && greatestDivisor(step, count) === 1);
  const step = steps[round % steps.length] ?? 1;
  return items.flatMap((_, turn) => items[(round + turn * step) % count] ?? []);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
