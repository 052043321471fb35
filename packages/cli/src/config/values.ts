/** A value that a setting cannot have. The message says what it must be, and does not repeat it: it may be a secret. */
export class ValueError extends Error {
  override readonly name = "ValueError";
}

/** @throws ValueError */
export function wholeNumberIn(text: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new ValueError(`must be a whole number ${range}`);
}

const unitsMs = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** `90s`, `30m`, `12h`, `7d`, in milliseconds. @throws ValueError */
export function durationIn(text: string): number {
  const [, digits = "", unit = ""] = /^([0-9]+)([smhd])$/.exec(text) ?? [];
  const unitMs = unitsMs.get(unit);
  if (unitMs === undefined) throw new ValueError("must be a time such as 90s, 30m, 12h or 7d");
  return Number(digits) * unitMs;
}

const unitBytes = new Map([
  ["", 1],
  ["k", 1_000],
  ["m", 1_000_000],
  ["g", 1_000_000_000],
  ["ki", 1_024],
  ["mi", 1_048_576],
  ["gi", 1_073_741_824],
]);

/** `1000000`, `500MB`, `2GiB`, in bytes. @throws ValueError */
export function byteSizeIn(text: string): number {
  const [, digits = "", unit] = /^([0-9]+) ?([kmg]i?)?b?$/i.exec(text) ?? [];
  const bytes = unitBytes.get((unit ?? "").toLowerCase());
  if (digits === "" || bytes === undefined) throw new ValueError("must be a size such as 1000000, 500MB or 2GiB");
  return Number(digits) * bytes;
}
