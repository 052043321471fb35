import { bytesForm, bytesFrom, durationForm, durationMsFrom } from "@confab/contract";

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

/** `90s`, `30m`, `12h`, `7d`, in milliseconds. @throws ValueError */
export function durationIn(text: string): number {
  const ms = durationMsFrom(text);
  if (ms === undefined) throw new ValueError(`must be ${durationForm}`);
  return ms;
}

/** `1000000`, `500MB`, `2GiB`, in bytes. @throws ValueError */
export function byteSizeIn(text: string): number {
  const bytes = bytesFrom(text);
  if (bytes === undefined) throw new ValueError(`must be ${bytesForm}`);
  return bytes;
}
