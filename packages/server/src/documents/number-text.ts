/**
 * A regular expression for whole numbers from 0 to `max` as text. proto3 JSON writes 64-bit numbers so, and reads every number
 * so; JSON Schema has no maximum for text.
 */
export function digitsUpTo(max: bigint): string {
  const digits = String(max);
  const choices = digits.length > 1 ? [`[0-9]{1,${digits.length - 1}}`] : [];
  for (const [index, digit] of [...digits].entries()) {
    // A first digit of 0 makes a shorter number, which the first choice has.
    const lowest = index === 0 && digits.length > 1 ? 1 : 0;
    if (Number(digit) - 1 < lowest) continue;
    const rest = digits.length - index - 1;
    choices.push(`${digits.slice(0, index)}${range(lowest, Number(digit) - 1)}${rest > 0 ? `[0-9]{${rest}}` : ""}`);
  }
  return `^0*(?:${[...choices, digits].join("|")})$`;
}

function range(lowest: number, highest: number): string {
  return lowest === highest ? String(lowest) : `[${lowest}-${highest}]`;
}
